//! How a visitor takes part: the base URL, and a line for the shell.

use std::net::SocketAddr;

/// Where the gateway is, in words that can be copied.
#[derive(Clone, Debug)]
pub(super) struct TryIt {
    address: SocketAddr,
    admin: Option<SocketAddr>,
}

impl TryIt {
    /// For a gateway at `address`, and `admin` for operators.
    pub(super) const fn new(address: SocketAddr, admin: Option<SocketAddr>) -> Self {
        Self { address, admin }
    }

    /// What to point a client at.
    pub(super) fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where the gateway says what it knows.
    pub(super) fn status_url(&self) -> Option<String> {
        self.admin.map(|admin| format!("http://{admin}/status"))
    }

    /// A command for the shell, in two lines of at most eighty characters.
    pub(super) fn curl(&self) -> [String; 2] {
        [
            format!(
                "curl {}/v1/messages -H 'anthropic-version: 2023-06-01' \\",
                self.address
            ),
            " -d '{\"model\":\"m\",\"max_tokens\":99,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}'"
                .to_owned(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_fits_a_small_terminal() {
        let address = "127.0.0.1:65535".parse().expect("an address");
        for line in TryIt::new(address, None).curl() {
            assert!(line.len() <= 80, "{}: {line}", line.len());
        }
    }
}
