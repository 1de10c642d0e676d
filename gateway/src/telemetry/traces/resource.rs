//! Who sends the spans: OpenTelemetry's resource. What is in it by default, and what the environment
//! adds or says instead, by the variables that all of OpenTelemetry reads (Environment Variable
//! Specification 1.x, "General SDK Configuration"): `OTEL_SERVICE_NAME`, and `OTEL_RESOURCE_ATTRIBUTES`
//! as `name=value,name=value` with values percent-encoded.

use percent_encoding::percent_decode_str;

/// Attributes that are taken from the environment, and the longest of them, in bytes.
const ATTRIBUTES_MAX: usize = 64;
const BYTES_MAX: usize = 1_024;

/// The resource's attributes.
pub(super) type Attributes = Vec<(String, String)>;

/// Those of this process.
pub(super) fn of_this_process() -> Attributes {
    let variable = |name| std::env::var(name).unwrap_or_default();
    let (service, more) = (
        variable("OTEL_SERVICE_NAME"),
        variable("OTEL_RESOURCE_ATTRIBUTES"),
    );
    attributes(&service, &more, fastrand::u128(..))
}

/// What `service` and `more`, the variables' values, and a `draw` for the instance's id make of it.
fn attributes(service: &str, more: &str, draw: u128) -> Attributes {
    let mut all: Attributes = Vec::new();
    let mut set = |name: &str, value: String| {
        let fits = !name.is_empty() && name.len() + value.len() <= BYTES_MAX;
        let has_room = all.len() < ATTRIBUTES_MAX;
        match all.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) if fits => *known = value,
            None if fits && has_room => all.push((name.to_owned(), value)),
            _ => {}
        }
    };
    set("service.name", "keyweir".to_owned());
    set("service.version", env!("CARGO_PKG_VERSION").to_owned());
    set("service.instance.id", uuid(draw));
    for (name, value) in more.split(',').filter_map(|pair| pair.split_once('=')) {
        if let Ok(value) = percent_decode_str(value.trim()).decode_utf8() {
            set(name.trim(), value.into_owned());
        }
    }
    if !service.is_empty() {
        set("service.name", service.to_owned());
    }
    all
}

/// A random UUID of version 4 (RFC 9562, 5.4).
fn uuid(draw: u128) -> String {
    let bits = draw & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let hex = format!("{bits:032x}");
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32];
    parts.map(|part| &hex[part]).join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value<'a>(all: &'a Attributes, name: &str) -> &'a str {
        let mut found = all.iter().filter(|(known, _)| known == name);
        let (_, value) = found.next().expect(name);
        assert!(found.next().is_none(), "{name} twice");
        value
    }

    #[test]
    fn each_instance_has_an_id_of_its_own() {
        let all = attributes("", "", u128::MAX);
        assert_eq!(value(&all, "service.name"), "keyweir");
        assert_eq!(
            value(&all, "service.instance.id"),
            "ffffffff-ffff-4fff-bfff-ffffffffffff"
        );
        assert_ne!(attributes("", "", 1), attributes("", "", 2));
    }

    #[test]
    fn the_environment_adds_and_says_instead() {
        let more = "k8s.pod.name=keyweir-0, service.instance.id=a%2Cb ,service.name=x,=y,z,bad=%ff";
        let all = attributes("gate", more, 0);
        assert_eq!(value(&all, "k8s.pod.name"), "keyweir-0");
        assert_eq!(value(&all, "service.instance.id"), "a,b");
        assert_eq!(value(&all, "service.name"), "gate");
        assert_eq!(all.len(), 4);
        let many: String = (0..1_000).map(|n| format!("a{n}=b,")).collect();
        assert_eq!(attributes("", &many, 0).len(), ATTRIBUTES_MAX);
    }
}
