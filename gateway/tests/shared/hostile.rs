//! A store that is broken, or somebody else's: no request fails or waits, memory stays bounded, and what is
//! told is a sentence.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::house::{Plan, count};
use crate::support::api::Api;
use crate::support::stage;
use crate::support::{in_time, until};

const PASSWORD: &str = "store-Xk2mQ9vTn4LsB7dR";

/// What a store that speaks Redis' protocol says in the end.
#[derive(Clone)]
enum Says {
    /// This, again and again, for as long as anybody listens.
    Endlessly(Vec<u8>, Vec<u8>),
    Once(Vec<u8>),
}

/// A store that is asked what gateways ask, and says `says` to an exchange; how often it was asked for one.
async fn store(says: Says) -> (SocketAddr, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let asked = Arc::new(AtomicU64::new(0));
    let counts = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(serve(socket, says.clone(), Arc::clone(&counts)));
        }
    });
    (address, asked)
}

async fn serve(mut socket: TcpStream, says: Says, asked: Arc<AtomicU64>) -> Option<()> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = socket
            .read(&mut buffer)
            .await
            .ok()
            .filter(|read| *read > 0)?;
        let question = String::from_utf8_lossy(&buffer[..read]).into_owned();
        // Each question comes in one piece: they are short here.
        let answer = match question.split("\r\n").nth(2) {
            Some("AUTH") => b"+OK\r\n".to_vec(),
            Some("INFO") => b"$21\r\nredis_version:7.0.0\r\n\r\n".to_vec(),
            Some("EXISTS") => b":0\r\n".to_vec(),
            Some("SCRIPT") => b"$3\r\nabc\r\n".to_vec(),
            _ => {
                asked.fetch_add(1, Ordering::Relaxed);
                match &says {
                    Says::Once(answer) => answer.clone(),
                    Says::Endlessly(first, piece) => {
                        socket.write_all(first).await.ok()?;
                        loop {
                            socket.write_all(piece).await.ok()?;
                        }
                    }
                }
            }
        };
        socket.write_all(&answer).await.ok()?;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_answers_nonsense_is_told_and_holds_nobody_up() {
    let piece = |text: &str| text.repeat(1 << 14).into_bytes();
    for (what, says, why) in [
        (
            "a line",
            Says::Endlessly(b"+".to_vec(), piece("x")),
            "a line without an end",
        ),
        (
            "a list",
            Says::Endlessly(b"*99999999\r\n".to_vec(), piece("*0\r\n")),
            "too many values",
        ),
        (
            "lists in lists",
            Says::Endlessly(Vec::new(), piece("*9000000000000000000\r\n")),
            "RESP nesting too deep",
        ),
        (
            "a gigabyte",
            Says::Once(b"$1073741824\r\n".to_vec()),
            "RESP reply too large",
        ),
        (
            "half of it",
            Says::Once(b"*6\r\n:1\r\n".to_vec()),
            "does not answer in time",
        ),
        (
            "another form",
            Says::Once(b"*1\r\n*-1\r\n".to_vec()),
            "with something else",
        ),
        (
            "another protocol",
            Says::Once(b"HTTP/1.1 200 OK\r\n\r\n".to_vec()),
            "no answer of Redis",
        ),
        (
            "a long refusal",
            Says::Once(format!("-ERR {}\r\n", "y".repeat(10_000)).into_bytes()),
            "answers with an error: ERR yyy",
        ),
    ] {
        let (address, asked) = store(says).await;
        let table = format!("[gateway.shared.redis]\nurls = [\"redis://{address}\"]");
        let stage = stage::Plan::new().set(&table).build().await;
        let told = async {
            loop {
                let shared = stage.gateway.status().await["shared"].clone();
                if shared["heard"] == false {
                    return shared["why"].as_str().unwrap_or_default().to_owned();
                }
            }
        };
        let told = in_time(what, told).await;
        assert!(told.contains(why) && told.len() < 1_000, "{what}: {told}");
        until("it is asked again", || asked.load(Ordering::Relaxed) > 2).await;
        for _ in 0..5 {
            stage.serves(Api::Messages).await;
        }
        stage.is_unharmed().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_quotes_the_password_is_told_without_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let said =
                format!("-ERR unknown command 'AUTH', with args beginning with: '{PASSWORD}'\r\n");
            let mut buffer = [0; 1024];
            if socket.read(&mut buffer).await.is_ok() {
                let _ = socket.write_all(said.as_bytes()).await;
            }
        }
    });
    let table = format!(
        "[gateway.shared.redis]\nurls = [\"redis://{address}\"]\npassword = {{ file = \"redis.password\" }}"
    );
    let plan = stage::Plan::new().set(&table).log("trace");
    let stage = plan.file("redis.password", PASSWORD).build().await;
    stage.gateway.writes("does not take the password").await;
    let status = stage.gateway.status().await.to_string();
    for said in [status, stage.gateway.written()] {
        assert!(!said.contains(&PASSWORD[..12]), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_write_below_the_prefix_stops_nobody() {
    let house = Plan::new().build(2).await;
    let ask = |command: &str| house.redis.ask(command).expect("it answers");
    let now = "99999999999999";
    for field in ["t:x no-moment", "n:y no-number", &format!("t:z {now}")] {
        ask(&format!("HSET {{keyweir}}:1:alive {field}"));
    }
    // Each gateway's own number, too.
    let fields = ask("HKEYS {keyweir}:1:alive");
    for number in fields.lines().filter(|field| field.starts_with("n:")) {
        ask(&format!("HSET {{keyweir}}:1:alive {number} nonsense"));
    }
    ask("XADD {keyweir}:1:things * foreign field");
    let exchanges = r#"keyweir_shared_exchanges_total{outcome="done"}"#;
    let done = async |gateway| house.metric(gateway, exchanges).await.unwrap_or_default();
    for gateway in 0..2 {
        let before = done(gateway).await;
        in_time("they go on", async {
            while done(gateway).await < before + 5.0 {}
        })
        .await;
    }
    house.all_hear().await;

    ask("DEL {keyweir}:1:things");
    ask("SET {keyweir}:1:things foreign");
    house
        .until_shared(0, "it says what is wrong", |shared| {
            let why = shared["why"].as_str().unwrap_or_default();
            shared["reason"] == "error" && why.contains("choose another prefix")
        })
        .await;
    ask("DEL {keyweir}:1:things");
    house.all_hear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_forgets_again_and_again_makes_nobody_think_that_he_is_alone() {
    let limit = "[[tenant.limit]]\nrequests_per_minute = 60";
    let house = Plan::new().tenant(limit).build(2).await;
    let forgets = house.redis.forgets();
    for gateway in 0..2 {
        house
            .until_shared(gateway, "it says what is wrong", |shared| {
                let why = shared["why"].as_str().unwrap_or_default();
                shared["heard"] == false && why.contains("maxmemory-policy")
            })
            .await;
    }
    let mut served = 0;
    for gateway in 0..2 {
        served += count(&house.message(gateway, 60).await, 200);
    }
    // Who thinks that he is alone gives 60. One may, who heard the other in a moment in which nothing was
    // forgotten, and could not tell it afterwards.
    assert!(
        (50..=100).contains(&served),
        "as much as there is: {served}"
    );
    drop(forgets);
    house.all_hear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_roots_that_never_ends_or_never_comes_holds_nobody_up() {
    let (address, _) = store(Says::Once(Vec::new())).await;
    let huge = tempfile::NamedTempFile::new().expect("a file");
    // It takes no room on the disk.
    huge.as_file().set_len(8 << 30).expect("made long");
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("it runs").success());
    for (path, why) in [
        (huge.path(), "is larger than"),
        (&pipe, "no regular file"),
        (Path::new("/dev/zero"), "no regular file"),
    ] {
        let path = path.display();
        let tables = format!(
            "[gateway.shared.redis]\nurls = [\"rediss://{address}\"]\nca_file = \"{path}\"\n\
             [[gateway.jwt]]\nissuer = \"https://issuer.example\"\naudiences = [\"here\"]\nclaim = \"sub\"\n\
             jwks_url = \"https://{address}/keys\"\nca_file = \"{path}\"\n"
        );
        let stage = stage::Plan::new().set(&tables).build().await;
        let told = async {
            loop {
                let ready = stage.gateway.admin("/readyz").await.text();
                if ready.matches(why).count() == 2 {
                    return;
                }
            }
        };
        in_time("both are told", told).await;
        for _ in 0..5 {
            stage.serves(Api::Messages).await;
        }
        stage.is_unharmed().await;
    }
}
