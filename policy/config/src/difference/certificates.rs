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
        let on = |is_on: &bool| if *is_on { "on" } else { "off" }.to_owned();
        let gateway = Subject::Settings("gateway");
        let is_on = (&before.is_some(), &after.is_some());
        restart.field(&gateway, "tls", is_on, on);
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
    let path = |it: &_| show::path(it);
    let files = (cert_file.as_path(), after.cert_file.as_path());
    changes.field(&tls, "cert_file", files, path);
    let files = (key_file.as_path(), after.key_file.as_path());
    changes.field(&tls, "key_file", files, path);
}

/// What operators are shown, and may show.
pub(super) fn of_admin(
    (before, after): (Option<&AdminTlsSettings>, Option<&AdminTlsSettings>),
    changes: &mut Changes,
    restart: &mut Changes,
) {
    let (Some(before), Some(after)) = (before, after) else {
        let on = |is_on: &bool| if *is_on { "on" } else { "off" }.to_owned();
        let gateway = Subject::Settings("gateway");
        let is_on = (&before.is_some(), &after.is_some());
        restart.field(&gateway, "admin_tls", is_on, on);
        return;
    };
    let AdminTlsSettings {
        cert_file,
        key_file,
        client_ca_file,
    } = before;
    let tls = Subject::Settings("gateway.admin_tls");
    let path = |it: &_| show::path(it);
    let files = (cert_file.as_path(), after.cert_file.as_path());
    changes.field(&tls, "cert_file", files, path);
    let files = (key_file.as_path(), after.key_file.as_path());
    changes.field(&tls, "key_file", files, path);
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
