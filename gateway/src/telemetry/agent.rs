//! Which program a client is, out of a fixed list, by its `user-agent`: bounded, and without the
//! version and whatever else stands there.

/// What `user-agent` begins with, and what that is called. The longer of two that fit stands first.
const AGENTS: [(&str, &str); 27] = [
    ("anthropic/python", "anthropic-python"),
    ("asyncanthropic/python", "anthropic-python"),
    ("anthropicbedrock/python", "anthropic-python"),
    ("anthropic/js", "anthropic-typescript"),
    ("anthropic/java", "anthropic-java"),
    ("anthropic/go", "anthropic-go"),
    ("openai/python", "openai-python"),
    ("asyncopenai/python", "openai-python"),
    ("openai/js", "openai-typescript"),
    ("openai/java", "openai-java"),
    ("openai/go", "openai-go"),
    ("claude-cli/", "claude-code"),
    ("codex_", "codex"),
    ("codex-", "codex"),
    ("opencode/", "opencode"),
    ("geminicli/", "gemini-cli"),
    ("litellm/", "litellm"),
    ("ai-sdk/", "vercel-ai-sdk"),
    ("ai/", "vercel-ai-sdk"),
    ("curl/", "curl"),
    ("python-httpx/", "httpx"),
    ("python-requests/", "requests"),
    ("python/", "python"),
    ("go-http-client/", "go"),
    ("node", "node"),
    ("okhttp/", "okhttp"),
    ("mozilla/", "browser"),
];

/// The name of the program; `other` if it is none of the list.
pub(crate) fn class(user_agent: &str) -> &'static str {
    let begins = |start: &str| {
        let beginning = user_agent.as_bytes().get(..start.len());
        beginning.is_some_and(|it| it.eq_ignore_ascii_case(start.as_bytes()))
    };
    let first = user_agent.as_bytes().first().map(u8::to_ascii_lowercase);
    let mut likely = AGENTS
        .iter()
        .filter(|(start, _)| start.as_bytes().first() == first.as_ref());
    let found = likely.find(|(start, _)| begins(start));
    found.map_or("other", |(_, class)| class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_known_by_how_they_begin() {
        for (user_agent, expected) in [
            ("Anthropic/Python 0.75.0", "anthropic-python"),
            ("AsyncOpenAI/Python 2.8.1", "openai-python"),
            ("claude-cli/2.0.14 (external, cli)", "claude-code"),
            ("codex_cli_rs/0.63.0 (Debian 12)", "codex"),
            ("curl/8.5.0", "curl"),
            ("Mozilla/5.0 (X11; Linux x86_64)", "browser"),
            ("something/1", "other"),
            ("", "other"),
            ("ü", "other"),
        ] {
            assert_eq!(class(user_agent), expected, "{user_agent}");
        }
    }
}
