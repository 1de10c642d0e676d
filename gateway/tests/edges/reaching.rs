//! How providers are reached: base URLs with versions of their own, proxies; and what clients ask for
//! that is not served.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::support::api::{Api, Request};
use crate::support::program::{Files, Program, run};
use crate::support::scripted::{Scripted, ask, json, open_gateway};

const GOOD: &str = r#"{"choices":[{"message":{"content":"hello"},"finish_reason":"stop"}]}"#;

#[tokio::test]
async fn a_version_in_the_base_url_stands_in_the_place_of_the_clients() {
    for (path, expected) in [
        ("", "/v1/chat/completions"),
        ("/v1", "/v1/chat/completions"),
        ("/v1beta/openai", "/v1beta/openai/chat/completions"),
        ("/api/paas/v4", "/api/paas/v4/chat/completions"),
        ("/api/v3", "/api/v3/chat/completions"),
        ("/proxy/openai", "/proxy/openai/v1/chat/completions"),
    ] {
        let provider = Scripted::start(|_| json(200, "", GOOD)).await;
        let tables = provider.tables("p", "dialect = \"openai\"", 1);
        let url = provider.url();
        let tables = tables.replace(&url, &format!("{url}{path}"));
        let gateway = open_gateway("", &tables).await;
        let request = Api::Chat.request(false).path("/v1/chat/completions?a=b");

        assert_eq!(ask(&gateway, &request).await.status, 200);
        assert_eq!(provider.seen()[0].target(), format!("{expected}?a=b"));
    }
}

#[tokio::test]
async fn a_client_that_brings_no_version_is_given_the_one_of_openais_api() {
    let provider = Scripted::start(|_| json(200, "", GOOD)).await;
    let gateway = provider.gateway("openai", 1, "").await;
    for path in ["/chat/completions?a=b", "/p/chat/completions?a=b"] {
        let request = Api::Chat.request(false).path(path);
        assert_eq!(ask(&gateway, &request).await.status, 200, "{path}");
    }
    for seen in provider.seen() {
        assert_eq!(seen.target(), "/v1/chat/completions?a=b");
    }
}

/// A proxy that opens tunnels, and notes who asks for them.
struct Proxy {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let seen = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, Arc::clone(&seen)));
            }
        });
        let url = format!("http://me:p%40ss@{address}");
        Self { url, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().clone()
    }
}

async fn serve(mut client: TcpStream, asked: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.expect("a head"));
    }
    let head = String::from_utf8(head).expect("text");
    let target = head.split(' ').nth(1).expect("a target").to_owned();
    asked.lock().push(head);
    let Ok(mut provider) = TcpStream::connect(&target).await else {
        let _ = client.write_all(b"HTTP/1.1 502 No Way\r\n\r\n").await;
        return;
    };
    let ok = b"HTTP/1.1 200 Connection established\r\nvia: x\r\n\r\n";
    client.write_all(ok).await.expect("a client");
    let _ = copy_bidirectional(&mut client, &mut provider).await;
}

fn policy(tables: &str) -> String {
    format!("[gateway]\nlisten = [\"127.0.0.1:0\"]\nadmin = \"127.0.0.1:0\"\n{tables}")
}

#[tokio::test]
async fn a_provider_is_reached_through_its_proxy() {
    let proxy = Proxy::start().await;
    let provider = Scripted::start(|_| json(200, "", GOOD)).await;
    let more = "dialect = \"openai\"\nproxy = { env = \"CORPORATE_PROXY\" }";
    let files = Files::new(&policy(&provider.tables("p", more, 1)));
    let files = files.variable("CORPORATE_PROXY", &proxy.url);
    let gateway = Program::start(files, None, None).await;

    for _ in 0..2 {
        assert_eq!(ask(&gateway, &Api::Chat.request(false)).await.status, 200);
    }

    // Every tunnel leads to the provider, and shows the proxy its credentials. (A tunnel is used
    // again once its last answer has been let go of, which the client does not wait for.)
    let asked = proxy.asked();
    assert!(!asked.is_empty());
    let target = provider.url().replace("http://", "");
    let connect = format!("CONNECT {target} HTTP/1.1\r\n");
    let credentials = "Proxy-Authorization: Basic bWU6cEBzcw==\r\n";
    for head in asked {
        assert!(head.starts_with(&connect), "{head}");
        assert!(head.contains(credentials), "{head}");
    }
    assert!(!gateway.written().contains("p@ss"));
}

const FAR: &str = "
[[provider]]
id = \"p\"
dialect = \"openai\"
base_url = \"https://provider.invalid\"
[[account]]
id = \"a\"
provider = \"p\"
[[account.key]]
id = \"k\"
secret = \"sk-fake-Wd5nRb8kQp2mZs7yTc3vLf6x\"
";

#[tokio::test]
async fn the_environments_proxy_is_used_but_for_what_it_exempts() {
    let proxy = Proxy::start().await;
    for (exempt, asked) in [("", true), ("example.com", true), (".invalid", false)] {
        let once = "[retry]\nattempts_max = 1\n[waiting]\npatience = \"0s\"\n";
        let files = Files::new(&format!("{once}{}", policy(FAR)))
            .variable("HTTPS_PROXY", &proxy.url)
            .variable("NO_PROXY", exempt);
        let gateway = Program::start(files, None, None).await;

        let answer = ask(&gateway, &Api::Chat.request(false)).await;

        assert_eq!(answer.status, 503, "{}", answer.text());
        assert!(!answer.text().contains("p@ss"));
        let heads = std::mem::take(&mut *proxy.asked.lock());
        assert_eq!(!heads.is_empty(), asked, "{exempt}");
        for head in heads {
            assert!(head.starts_with("CONNECT provider.invalid:443 "), "{head}");
        }
        assert_eq!(
            answer.text().contains("it answered 502"),
            asked,
            "{}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn a_proxy_that_cannot_be_used_is_refused_in_words() {
    let serve = ["serve", "--policy", "keys.toml"];
    let check = ["check", "--secrets", "keys.toml"];
    for arguments in [&serve[..], &check] {
        let files = Files::new(&policy(FAR)).variable("ALL_PROXY", "socks5://me:p@ss@host:1080");
        let ended = run(&files, arguments).await;
        let complaint = ended.stderr;
        assert_eq!(ended.status.code(), Some(1), "{complaint}");
        assert!(complaint.contains("ALL_PROXY"), "{complaint}");
        assert!(
            complaint.contains("only proxies that are reached as http://"),
            "{complaint}"
        );
        assert!(!complaint.contains("p@ss"), "{complaint}");
    }
    let named = FAR.replace(
        "id = \"p\"\n",
        "id = \"p\"\nproxy = \"http://me:pass@host\"\n",
    );
    let ended = run(
        &Files::new(&policy(&named)),
        &check[..1]
            .iter()
            .chain(&check[2..])
            .copied()
            .collect::<Vec<_>>(),
    )
    .await;
    assert!(
        ended.stderr.contains("holds credentials"),
        "{}",
        ended.stderr
    );
    assert!(!ended.stderr.contains("pass@"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_web_socket_is_refused_so_that_clients_go_on_without() {
    let provider = Scripted::start(|_| json(200, "", GOOD)).await;
    let gateway = provider.gateway("openai", 1, "").await;
    let request = Request::new("GET", "/v1/responses")
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");

    let answer = ask(&gateway, &request).await;

    assert_eq!(answer.status, 426, "{}", answer.text());
    assert_eq!(answer.header("upgrade"), "HTTP/1.1");
    assert!(provider.seen().is_empty());
}
