//! What has changed in which certificates are shown, where, and whose are looked for.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::change::{Changes, Subject};
use super::show;
use crate::file::{AdminTlsSettings, TlsSettings};

/// What clients are shown.
pub(super) fn of_clients(
    (before, after): (Option<&TlsSettings>, Option<&TlsSettings>),
    changes: &mut Changes,
    restart: &mut Changes,
) {
    let (Some(before), Some(after)) = (before, after) else {
        turned("tls", (before.is_some(), after.is_some()), restart);
        return;
    };
    let TlsSettings {
        listen,
        cert_file,
        key_file,
    } = before;
    let tls = Subject::Settings("gateway.tls");
    let (listen, other) = (sorted(listen), sorted(&after.listen));
    restart.field(&tls, "listen", (&*listen, &*other), addresses);
    shown(
        &tls,
        (cert_file, &after.cert_file),
        (key_file, &after.key_file),
        changes,
    );
}

/// What operators are shown, and may show.
pub(super) fn of_admin(
    (before, after): (Option<&AdminTlsSettings>, Option<&AdminTlsSettings>),
    changes: &mut Changes,
    restart: &mut Changes,
) {
    let (Some(before), Some(after)) = (before, after) else {
        turned("admin_tls", (before.is_some(), after.is_some()), restart);
        return;
    };
    let AdminTlsSettings {
        cert_file,
        key_file,
        client_ca_file,
    } = before;
    let tls = Subject::Settings("gateway.admin_tls");
    shown(
        &tls,
        (cert_file, &after.cert_file),
        (key_file, &after.key_file),
        changes,
    );
    let files = (client_ca_file, &after.client_ca_file);
    changes.field(
        &tls,
        "client_ca_file",
        files,
        show::or_none(|it: &PathBuf| show::path(it)),
    );
}

pub(super) fn sorted(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let mut addresses = addresses.to_vec();
    addresses.sort_unstable();
    addresses
}

pub(super) fn addresses(addresses: &[SocketAddr]) -> String {
    let texts: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    show::list(&texts)
}

/// Whether it is there at all.
fn turned(name: &'static str, (before, after): (bool, bool), restart: &mut Changes) {
    let on = |is_on: &bool| if *is_on { "on" } else { "off" }.to_owned();
    let gateway = Subject::Settings("gateway");
    restart.field(&gateway, name, (&before, &after), on);
}

/// The certificate, and its key.
fn shown(
    tls: &Subject,
    certificates: (&PathBuf, &PathBuf),
    keys: (&PathBuf, &PathBuf),
    changes: &mut Changes,
) {
    let path = |it: &PathBuf| show::path(it);
    changes.field(tls, "cert_file", certificates, path);
    changes.field(tls, "key_file", keys, path);
}
