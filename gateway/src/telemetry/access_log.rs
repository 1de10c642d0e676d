//! One line of JSON per request: who asked for what, which keys were tried, how it ended, what it
//! cost. No content and no secrets: keys and tenants by their labels.
//!
//! Not through `tracing`: its JSON layer visits and boxes every field, which costs as much as the
//! rest of a small request. A line is written into one shared buffer under a lock, and goes on from
//! there by itself (`sink.rs`).

use std::fmt::{self, Write as _};
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use keyweir_policy::tenancy::money::Money;

use super::escape::push_json;
use super::sink::Sink;

/// The longest text of a field: the longest name of a model that is read (`keyweir_wire::describe`).
const TEXT_MAX: usize = 512;

/// Picodollars, which [`Money`] counts.
const PICO_OF_DOLLAR: u64 = 1_000_000_000_000;

/// The most that is kept for a reader that does not read.
const BUFFERED_MAX: usize = 8 * 1024 * 1024;

/// Where lines go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Target {
    /// Nowhere: nothing is written at all.
    Off,
    /// To standard output.
    #[default]
    Stdout,
    /// To the end of a file.
    File(PathBuf),
}

impl FromStr for Target {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "off" => Self::Off,
            "-" | "stdout" => Self::Stdout,
            path => Self::File(path.into()),
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Stdout => f.write_str("stdout"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

/// The log of one gateway.
#[derive(Clone, Debug)]
pub(crate) struct AccessLog {
    sink: Option<Sink>,
}

/// What one line says.
#[derive(Debug, Default)]
pub(crate) struct Line<'a> {
    pub(crate) request_id: &'a str,
    pub(crate) client: Option<IpAddr>,
    /// Which program asks, out of a fixed list.
    pub(crate) agent: Option<&'a str>,
    /// The trace that the client is in.
    pub(crate) trace_id: Option<&'a str>,
    /// The share of such lines that is written, where not all are.
    pub(crate) sampled: Option<f64>,
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) tenant: Option<&'a str>,
    /// The group that the tenant is in.
    pub(crate) group: Option<&'a str>,
    pub(crate) provider: Option<&'a str>,
    pub(crate) model: Option<&'a str>,
    /// The model that was named, where another was asked for.
    pub(crate) asked_model: Option<&'a str>,
    /// Whoever served it was not its first choice.
    pub(crate) fell_back: bool,
    pub(crate) stream: bool,
    pub(crate) status: u16,
    pub(crate) outcome: &'a str,
    pub(crate) reason: Option<&'a str>,
    pub(crate) account: Option<&'a str>,
    pub(crate) key: Option<&'a str>,
    pub(crate) attempts: u32,
    /// The attempts that failed, in order.
    pub(crate) failed: Vec<FailedAttempt<'a>>,
    /// Until its tenant's limits had room; told if it is more than nothing.
    pub(crate) limit_waited: Duration,
    /// In the waiting room.
    pub(crate) waited: Duration,
    pub(crate) first_byte: Option<Duration>,
    pub(crate) duration: Duration,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) input_tokens: Option<u64>,
    pub(crate) cache_read_tokens: Option<u64>,
    pub(crate) output_tokens: Option<u64>,
    pub(crate) cache_write_tokens: Option<u64>,
    /// Told if it is more than nothing.
    pub(crate) cost_usd: Money,
}

/// How one attempt failed.
#[derive(Clone, Debug)]
pub(crate) struct FailedAttempt<'a> {
    pub(crate) provider: &'a str,
    pub(crate) key: String,
    pub(crate) fault: &'a str,
    pub(crate) took: Duration,
}

impl AccessLog {
    /// The log to `target`.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub(crate) fn open(target: &Target) -> std::io::Result<Self> {
        let name = "keyweir-access-log";
        let sink = match target {
            Target::Off => return Ok(Self { sink: None }),
            // Not through the standard library's buffer, which keeps what could not be written.
            Target::Stdout => {
                let stdout = std::io::stdout().as_fd().try_clone_to_owned()?;
                Sink::open(stdout.into(), BUFFERED_MAX, name)?
            }
            Target::File(path) => Sink::at(path, BUFFERED_MAX, name)?,
        };
        Ok(Self { sink: Some(sink) })
    }

    /// Whether lines go anywhere; if not, they need not be made.
    pub(crate) fn is_on(&self) -> bool {
        self.sink.is_some()
    }

    /// Adds a line.
    pub(crate) fn write(&self, line: &Line<'_>) {
        if let Some(sink) = &self.sink {
            sink.add(|out| line.render(out));
        }
    }

    /// Goes on in the file that its name leads to now (SIGUSR1).
    pub(crate) fn reopen(&self) {
        if let Some(sink) = &self.sink {
            sink.reopen();
        }
    }

    /// Lines that nobody will ever read.
    pub(crate) fn lost(&self) -> u64 {
        self.sink.as_ref().map_or(0, Sink::lost)
    }

    /// Waits until everything added so far was written, or for a second.
    pub(crate) async fn flushed(&self) {
        let Some(sink) = &self.sink else { return };
        sink.hurry();
        for _ in 0..200 {
            if sink.is_written() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// What stands before a field's value.
macro_rules! field {
    ($name:literal) => {
        concat!(",\"", $name, "\":")
    };
}

impl Line<'_> {
    fn render(&self, out: &mut String) {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        out.push_str("{\"time\":\"");
        push_time(out, now.as_secs(), now.subsec_millis());
        out.push_str("\",\"request_id\":\"");
        out.push_str(self.request_id);
        out.push('"');
        if let Some(client) = self.client {
            out.push_str(",\"client\":\"");
            push_address(out, client);
            out.push('"');
        }
        text(out, field!("agent"), self.agent);
        text(out, field!("trace_id"), self.trace_id);
        if let Some(share) = self.sampled {
            let _ = write!(out, ",\"sampled\":{share}");
        }
        text(out, field!("method"), Some(self.method));
        text(out, field!("path"), Some(self.path));
        text(out, field!("tenant"), self.tenant);
        text(out, field!("group"), self.group);
        text(out, field!("provider"), self.provider);
        text(out, field!("model"), self.model);
        text(out, field!("asked_model"), self.asked_model);
        if self.fell_back {
            out.push_str(",\"fell_back\":true");
        }
        if self.stream {
            out.push_str(",\"stream\":true");
        }
        number(out, field!("status"), Some(self.status.into()));
        text(out, field!("outcome"), Some(self.outcome));
        text(out, field!("reason"), self.reason);
        text(out, field!("account"), self.account);
        text(out, field!("key"), self.key);
        number(out, field!("attempts"), Some(self.attempts.into()));
        self.failed(out);
        let limit_waited = Some(self.limit_waited).filter(|it| !it.is_zero());
        number(out, field!("limit_waited_ms"), limit_waited.map(millis));
        number(out, field!("waited_ms"), Some(millis(self.waited)));
        number(out, field!("first_byte_ms"), self.first_byte.map(millis));
        number(out, field!("duration_ms"), Some(millis(self.duration)));
        number(out, field!("bytes_in"), Some(self.bytes_in));
        number(out, field!("bytes_out"), Some(self.bytes_out));
        number(out, field!("input_tokens"), self.input_tokens);
        number(out, field!("cache_read_tokens"), self.cache_read_tokens);
        number(out, field!("cache_write_tokens"), self.cache_write_tokens);
        number(out, field!("output_tokens"), self.output_tokens);
        if self.cost_usd > Money::ZERO {
            out.push_str(",\"cost_usd\":");
            push_money(out, self.cost_usd);
        }
        out.push_str("}\n");
    }
}

impl Line<'_> {
    /// `"failed":[{"provider":…,"key":…,"fault":…,"ms":…}]`, where an attempt has.
    fn failed(&self, out: &mut String) {
        let mut opens = ",\"failed\":[";
        for attempt in &self.failed {
            out.push_str(opens);
            out.push_str("{\"provider\":\"");
            push_json(out, attempt.provider, TEXT_MAX);
            out.push('"');
            text(out, field!("key"), Some(&attempt.key));
            text(out, field!("fault"), Some(attempt.fault));
            number(out, field!("ms"), Some(millis(attempt.took)));
            out.push('}');
            opens = ",";
        }
        if !self.failed.is_empty() {
            out.push(']');
        }
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn number(out: &mut String, field: &str, value: Option<u64>) {
    if let Some(value) = value {
        out.push_str(field);
        push_number(out, value);
    }
}

fn push_number(out: &mut String, value: u64) {
    out.push_str(itoa::Buffer::new().format(value));
}

/// As [`IpAddr`] shows itself; nearly all are of version 4, and formatting costs ten times as much.
fn push_address(out: &mut String, address: IpAddr) {
    let IpAddr::V4(address) = address else {
        let _ = write!(out, "{address}");
        return;
    };
    let [first, rest @ ..] = address.octets();
    push_number(out, first.into());
    for octet in rest {
        out.push('.');
        push_number(out, octet.into());
    }
}

/// As [`Money`] shows itself: dollars, exactly, with at least two decimals.
fn push_money(out: &mut String, money: Money) {
    let Ok(pico) = u64::try_from(money.pico()) else {
        let _ = write!(out, "{money}");
        return;
    };
    push_number(out, pico / PICO_OF_DOLLAR);
    out.push('.');
    let mut digits = [0; 12];
    put_digits(&mut digits, pico % PICO_OF_DOLLAR);
    let last = digits.iter().rposition(|digit| *digit != b'0');
    push_ascii(out, &digits[..last.map_or(2, |last| (last + 1).max(2))]);
}

fn text(out: &mut String, field: &str, value: Option<&str>) {
    let Some(value) = value else { return };
    out.push_str(field);
    out.push('"');
    // Names come from clients (methods, paths, models).
    push_json(out, value, TEXT_MAX);
    out.push('"');
}

/// Puts the last digits of a number into all of `place`.
fn put_digits(place: &mut [u8], value: u64) {
    let mut rest = value;
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
}

fn push_ascii(out: &mut String, text: &[u8]) {
    out.push_str(std::str::from_utf8(text).unwrap_or_default());
}

/// RFC 3339, in UTC. The date of a day number by Howard Hinnant's `civil_from_days`.
fn push_time(out: &mut String, secs: u64, millis: u32) {
    let (days, second) = (secs / 86_400, secs % 86_400);
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let mut text = *b"0000-00-00T00:00:00.000Z";
    for (place, value) in [
        (0..4, year),
        (5..7, month),
        (8..10, day),
        (11..13, second / 3600),
        (14..16, second / 60 % 60),
        (17..19, second % 60),
        (20..23, millis.into()),
    ] {
        put_digits(&mut text[place], value);
    }
    push_ascii(out, &text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_json_whatever_a_client_calls_things() {
        let line = Line {
            request_id: "kw_1",
            method: "POST",
            path: "/v1/\"messages\"\n",
            model: Some("a\\b\u{7}ü"),
            status: 200,
            outcome: "answered",
            ..Line::default()
        };
        let mut out = String::new();

        line.render(&mut out);

        let parsed: serde_json::Value = serde_json::from_str(&out).expect("valid JSON");
        assert_eq!(parsed["path"], "/v1/\"messages\"\n");
        assert_eq!(parsed["model"], "a\\b\u{7}ü");
        assert_eq!(parsed["status"], 200);
        assert_eq!(parsed.get("tenant"), None);
        assert!(!out[..out.len() - 1].contains(char::is_control));
    }

    #[test]
    fn amounts_and_addresses_look_as_everywhere() {
        for pico in [
            0,
            1,
            75_000_000,
            10_u128.pow(12),
            12_345 * 10_u128.pow(10),
            1 << 100,
        ] {
            let (mut out, money) = (String::new(), Money::from_pico(pico));
            push_money(&mut out, money);
            assert_eq!(out, money.to_string());
        }
        for address in [
            "127.0.0.1",
            "0.0.0.0",
            "255.20.3.255",
            "::1",
            "::ffff:1.2.3.4",
        ] {
            let mut out = String::new();
            push_address(&mut out, address.parse().expect("an address"));
            assert_eq!(out, address);
        }
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        for (secs, millis, expected) in [
            (0, 0, "1970-01-01T00:00:00.000Z"),
            (951_782_400, 7, "2000-02-29T00:00:00.007Z"),
            (1_795_305_599, 999, "2026-11-21T23:59:59.999Z"),
            (4_107_542_400, 0, "2100-03-01T00:00:00.000Z"),
        ] {
            let mut out = String::new();
            push_time(&mut out, secs, millis);
            assert_eq!(out, expected);
        }
    }
}
