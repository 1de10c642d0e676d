//! `keyweir demo` as a newcomer runs it: the program, its lines, its end.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Longer than anything here takes, on the slowest of machines.
const PATIENCE: Duration = Duration::from_secs(60);

/// The demonstration in a process of its own.
struct Demo {
    child: Child,
    lines: Receiver<String>,
    said: Vec<String>,
}

impl Demo {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_keyweir"))
            .arg("demo")
            .args(arguments)
            .env_remove("KEYWEIR_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let out = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            lines,
            said: Vec::new(),
        }
    }

    /// Waits for a line with `words`.
    fn wait_for(&mut self, words: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        while let Some(left) = deadline.checked_duration_since(Instant::now())
            && let Ok(line) = self.lines.recv_timeout(left)
        {
            self.said.push(line.clone());
            if line.contains(words) {
                return line;
            }
        }
        panic!("never said: {words}\n{}", self.said.join("\n"));
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let status = Command::new("sh")
            .args(["-c", &format!("kill -{name} {id}")])
            .status();
        assert!(status.expect("a shell").success());
    }

    /// Waits for its end: how it ended, and all it said.
    fn ended(mut self) -> (ExitStatus, String) {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            match self.child.try_wait().expect("a status") {
                Some(status) => break status,
                None => assert!(Instant::now() < deadline, "it never ended"),
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        self.said.extend(self.lines.iter());
        (status, self.said.join("\n"))
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The number before `word` in `text`.
fn number_before(text: &str, word: &str) -> u64 {
    let before = text.split(word).next().unwrap_or_default().trim_end();
    let digits = before
        .rsplit(' ')
        .next()
        .unwrap_or_default()
        .replace(',', "");
    digits
        .parse()
        .unwrap_or_else(|_| panic!("no number before {word}: {text}"))
}

#[test]
fn a_newcomer_sees_answers_and_can_ask_by_the_printed_command() {
    let mut demo = Demo::start(&["--plain", "--port", "0", "--seconds", "4", "--load", "0.4"]);

    let first = demo.wait_for("curl ");
    let command = format!("{first}\n{}", demo.wait_for("-d '"));
    let answer = Command::new("sh").args(["-c", &command]).output();
    let answer = String::from_utf8(answer.expect("a shell").stdout).expect("text");
    let json: serde_json::Value = serde_json::from_str(&answer).unwrap_or_else(|_| {
        panic!("no answer to\n{command}\n{answer}");
    });
    assert_eq!(json["type"], "message", "{answer}");
    demo.wait_for("your request went out with key ");

    let (status, said) = demo.ended();
    assert!(status.success(), "{said}");
    let (_, summary) = said.split_once("\nkeyweir demo: ").expect("a summary");
    let asked = number_before(summary, "requests,");
    assert!(asked > 10, "{summary}");
    assert_eq!(number_before(summary, "answered"), asked, "{summary}");
    assert!(
        summary.contains("clients saw        0 × 429, 0 × 529, 0 other failures"),
        "{summary}"
    );
}

#[test]
fn signals_end_it_well() {
    for signal in ["TERM", "INT", "HUP"] {
        let mut demo = Demo::start(&["--plain", "--port", "0"]);
        demo.wait_for(" answered ");

        demo.signal(signal);

        let (status, said) = demo.ended();
        assert!(status.success(), "{signal}: {said}");
        assert!(said.contains("\nkeyweir demo: "), "{signal}: {said}");
    }
}

#[test]
fn a_port_that_is_taken_is_an_error_only_if_it_was_asked_for() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();

    let output = Command::new(env!("CARGO_BIN_EXE_keyweir"))
        .args(["demo", "--plain", "--seconds", "1", "--port", &port])
        .output()
        .expect("it runs");

    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).expect("text");
    assert!(
        said.contains(&format!("cannot listen on 127.0.0.1:{port}")),
        "{said}"
    );
}

/// Under `script`, standard output is a terminal.
#[cfg(target_os = "linux")]
#[test]
fn the_live_view_gives_the_terminal_back() {
    let program = env!("CARGO_BIN_EXE_keyweir");
    let mut child = Command::new("script")
        .args([
            "-qec",
            &format!("'{program}' demo --port 0 --seconds 1"),
            "/dev/null",
        ])
        .env("LC_ALL", "C.UTF-8")
        .env("TERM", "xterm")
        .env_remove("NO_COLOR")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script is there");
    let mut said = String::new();
    let mut out = child.stdout.take().expect("piped");
    out.read_to_string(&mut said).expect("text");
    assert!(child.wait().expect("a status").success());

    let (before, after) = said.split_once("\x1b[?1049h").expect("a second screen");
    let (picture, after) = after
        .split_once("\x1b[?1049l")
        .expect("the first screen again");
    assert_eq!(before, "");
    assert!(
        picture.contains("large-c") && picture.contains('━'),
        "{picture}"
    );
    assert!(picture.contains("\x1b[?25l") && picture.ends_with("\x1b[?25h"));
    assert!(after.contains("clients saw"), "{after}");
    assert!(!after.contains('\x1b'), "{after}");
}
