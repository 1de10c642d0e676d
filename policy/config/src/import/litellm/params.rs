//! What a deployment is asked with: what it says itself, what the credential that it names says, and
//! what is said for all deployments, in this order.

use std::collections::BTreeMap;

use super::taken::Import;
use super::yaml::Node;
use crate::import::finding::Rating;

/// What deployments may take from other tables.
#[derive(Default)]
pub(super) struct Shared<'y> {
    credentials: BTreeMap<&'y str, Node<'y>>,
    /// `router_settings.default_litellm_params`.
    defaults: Option<Node<'y>>,
    /// `litellm_settings`, where vendors' keys may stand, too.
    settings: Option<Node<'y>>,
}

/// What a deployment is asked with.
pub(super) struct Params<'y> {
    own: Node<'y>,
    inherited: Vec<Node<'y>>,
    settings: Option<Node<'y>>,
}

impl<'y> Shared<'y> {
    /// Those of the file, of whose credentials it is told.
    pub(super) fn read(import: &mut Import, root: Node<'y>) -> Self {
        let mut shared = Self {
            credentials: BTreeMap::new(),
            defaults: root
                .get("router_settings")
                .and_then(|it| it.get("default_litellm_params")),
            settings: root.get("litellm_settings"),
        };
        let list = root.get("credential_list");
        for credential in list.into_iter().flat_map(Node::elements) {
            let line = credential.line();
            let name = credential.get("credential_name").and_then(Node::text);
            let (Some(name), Some(values)) = (name, credential.get("credential_values")) else {
                let words = "credential_list: a credential without credential_name and \
                             credential_values";
                import.unsupported(line, words.to_owned());
                continue;
            };
            let words = format!("credential_list: {name}: of the deployments that name it");
            import.found(line, Rating::Exact, words);
            shared.credentials.insert(name, values);
        }
        shared
    }

    /// What a deployment is asked with that says `own`; the name of its credential, if there is none of
    /// that name.
    pub(super) fn of(&self, own: Node<'y>) -> Result<Params<'y>, &'y str> {
        let named = own.get("litellm_credential_name").and_then(Node::text);
        let credential = match named {
            Some(name) => Some(*self.credentials.get(name).ok_or(name)?),
            None => None,
        };
        Ok(Params {
            own,
            inherited: credential.into_iter().chain(self.defaults).collect(),
            settings: self.settings,
        })
    }
}

impl<'y> Params<'y> {
    /// The field `name`, of who says it first.
    pub(super) fn get(&self, name: &str) -> Option<Node<'y>> {
        self.entry(name).map(|(_, value)| value)
    }

    /// The field `name`, of who says it first, with its line.
    pub(super) fn entry(&self, name: &str) -> Option<(usize, Node<'y>)> {
        let mut all = std::iter::once(&self.own).chain(&self.inherited);
        all.find_map(|node| node.entry(name))
    }

    /// Its text.
    pub(super) fn text(&self, name: &str) -> Option<&'y str> {
        self.get(name).and_then(Node::text)
    }

    /// The key for a vendor: the deployment's, or the one that is set for all.
    pub(super) fn key(&self, vendor: &str) -> Option<Node<'y>> {
        let is_said = |node: &Node<'_>| !node.is_null() && node.text() != Some("");
        let of_all = || {
            let settings = self.settings?;
            let of_vendor = settings.get(&format!("{vendor}_key"));
            of_vendor.or_else(|| settings.get("api_key"))
        };
        self.get("api_key")
            .filter(is_said)
            .or_else(|| of_all().filter(is_said))
    }

    /// What the deployment says itself.
    pub(super) fn own(&self) -> impl Iterator<Item = (&'y str, usize, Node<'y>)> {
        self.own.entries()
    }
}
