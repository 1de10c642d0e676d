//! Reading `multipart/form-data`, as SDKs upload files.

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;

/// One part of a form.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) file_name: Option<String>,
    pub(crate) media_type: Option<String>,
    pub(crate) content: Bytes,
}

/// Reads the parts of a form; `None` if it is none.
pub(crate) fn read(headers: &HeaderMap, body: &Bytes) -> Option<Vec<Part>> {
    let content_type = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let boundary = parameter(content_type, "boundary")?;
    if !content_type.starts_with("multipart/form-data") || boundary.is_empty() {
        return None;
    }
    // Every delimiter but the first follows a line's end.
    let delimiter = format!("\r\n--{boundary}");
    let mut at = find(body, &delimiter.as_bytes()[2..], 0)? + delimiter.len() - 2;
    let mut parts = Vec::new();
    while !body[at..].starts_with(b"--") {
        let head = find(body, b"\r\n", at)? + 2;
        let content = find(body, b"\r\n\r\n", head)? + 4;
        let end = find(body, delimiter.as_bytes(), content)?;
        parts.push(part(
            std::str::from_utf8(&body[head..content]).ok()?,
            body.slice(content..end),
        )?);
        at = end + delimiter.len();
    }
    Some(parts)
}

fn part(head: &str, content: Bytes) -> Option<Part> {
    let header = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(':'));
        let found = lines.find(|(is, _)| is.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim())
    };
    let disposition = header("content-disposition")?;
    Some(Part {
        name: parameter(disposition, "name")?,
        file_name: parameter(disposition, "filename"),
        media_type: header("content-type").map(str::to_owned),
        content,
    })
}

/// The value of `name=value` or `name="value"` behind a header's semicolons.
fn parameter(header: &str, name: &str) -> Option<String> {
    header.split(';').skip(1).find_map(|pair| {
        let (is, value) = pair.split_once('=')?;
        (is.trim() == name).then(|| value.trim().trim_matches('"').to_owned())
    })
}

fn find(body: &[u8], wanted: &[u8], from: usize) -> Option<usize> {
    memchr::memmem::find(&body[from..], wanted).map(|at| at + from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_of_a_file_and_a_field_is_read() {
        let mut headers = HeaderMap::new();
        let value = "multipart/form-data; boundary=xYz";
        headers.insert(CONTENT_TYPE, value.parse().expect("a value"));
        let body = Bytes::from_static(
            b"--xYz\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n\
              --xYz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a b.txt\"\r\n\
              Content-Type: text/plain\r\n\r\none\r\n--two\r\n\r\n--xYz--\r\n",
        );
        let parts = read(&headers, &body).expect("a form");
        assert_eq!(parts.len(), 2);
        assert_eq!(
            (parts[0].name.as_str(), &parts[0].content[..]),
            ("purpose", &b"batch"[..])
        );
        assert_eq!(parts[1].file_name.as_deref(), Some("a b.txt"));
        assert_eq!(parts[1].media_type.as_deref(), Some("text/plain"));
        assert_eq!(&parts[1].content[..], b"one\r\n--two\r\n");
    }

    #[test]
    fn form_that_breaks_off_is_none() {
        let mut headers = HeaderMap::new();
        let value = "multipart/form-data; boundary=b";
        headers.insert(CONTENT_TYPE, value.parse().expect("a value"));
        for body in [
            "",
            "--b",
            "--b\r\n",
            "--b\r\nX: y\r\n\r\nno end",
            "--b\r\n\r\n\r\n--b--",
        ] {
            assert_eq!(read(&headers, &Bytes::from(body)), None, "{body:?}");
        }
    }
}
