//! Client keys that stand outside of the policy file: a key or its hash, a line for each.

use keyweir_policy::config::secret::{ClientKey, ClientKeyHash};

use super::problem::SecretProblem;

/// The hashes of the client keys in `text`. A `#` at a line's beginning or behind a
/// space begins a comment.
pub(super) fn parse(text: &str) -> Result<Vec<ClientKeyHash>, SecretProblem> {
    let mut hashes = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.split_once(" #").map_or(line, |(key, _)| key).trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let hash = hash(line).ok_or(SecretProblem::NotClientKey(index + 1))?;
        if !hashes.contains(&hash) {
            hashes.push(hash);
        }
    }
    if hashes.is_empty() {
        return Err(SecretProblem::NoClientKey);
    }
    Ok(hashes)
}

fn hash(line: &str) -> Option<ClientKeyHash> {
    if line.starts_with("sha256:") {
        return line.parse().ok();
    }
    let fits =
        line.len() <= ClientKey::BYTES_MAX && line.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then(|| ClientKeyHash::of(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_hashes_are_read_line_by_line() {
        let hash = ClientKeyHash::of("kw_b");
        let text = format!("# old\nkw_#a # new\r\n\n{hash}\nkw_b\n");
        let read = parse(&text).expect("they are right");
        assert_eq!(read, [ClientKeyHash::of("kw_#a"), hash]);
        for (text, expected) in [
            ("", "there is no client key"),
            ("# none\n", "there is no client key"),
            ("kw_a\nkw b\n", "line 2 is neither"),
            ("sha256:12", "line 1 is neither"),
        ] {
            let problem = parse(text).expect_err(text).to_string();
            assert!(problem.starts_with(expected), "{problem}");
        }
    }
}
