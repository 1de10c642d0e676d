//! Client keys that stand outside of the policy file: a key or its hash, a line for each.

use keyweir_policy::config::secret::{ClientKey, ClientKeyHash};

use super::problem::SecretProblem;

/// What a text says.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) hashes: Vec<ClientKeyHash>,
    /// Its first line that is no client key.
    pub(super) bad_line: Option<SecretProblem>,
}

/// The hashes of the client keys in `text`. A `#` at a line's beginning or behind a
/// space begins a comment. A text with comments alone says that there are none; one that says nothing, or
/// only what is no client key, is being written.
pub(super) fn parse(text: &str) -> Result<Listed, SecretProblem> {
    let (mut hashes, mut bad_line, mut has_comment) = (Vec::new(), None, false);
    // With the mark of UTF-8 some editors begin files.
    for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = line.split_once(" #").map_or(line, |(key, _)| key).trim();
        if line.is_empty() || line.starts_with('#') {
            has_comment |= !line.is_empty();
            continue;
        }
        match hash(line) {
            Some(hash) if hashes.contains(&hash) => {}
            Some(hash) => hashes.push(hash),
            None => {
                bad_line.get_or_insert(SecretProblem::NotClientKey(index + 1));
            }
        }
    }
    match (hashes.is_empty(), bad_line) {
        (true, Some(problem)) => Err(problem),
        (true, None) if !has_comment => Err(SecretProblem::NoClientKey),
        (_, bad_line) => Ok(Listed { hashes, bad_line }),
    }
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
        assert_eq!(read.hashes, [ClientKeyHash::of("kw_#a"), hash]);
        assert!(read.bad_line.is_none());
        let marked = parse("\u{feff}kw_a\r\n").expect("it is right");
        assert_eq!(marked.hashes, [ClientKeyHash::of("kw_a")]);
        let none = parse("# all revoked\n").expect("it says so");
        assert!(none.hashes.is_empty() && none.bad_line.is_none());
        let some = parse("kw_a\nkw b\nkw_c\nkw d\n").expect("two are right");
        assert_eq!(some.hashes, ["kw_a", "kw_c"].map(ClientKeyHash::of));
        let bad_line = some.bad_line.expect("two are wrong").to_string();
        assert!(bad_line.starts_with("line 2 is neither"), "{bad_line}");
        for (text, expected) in [
            ("", "there is no client key"),
            (" \n\n", "there is no client key"),
            ("# soon\nkw b\n", "line 2 is neither"),
            ("sha256:12", "line 1 is neither"),
        ] {
            let problem = parse(text).expect_err(text).to_string();
            assert!(problem.starts_with(expected), "{problem}");
        }
    }
}
