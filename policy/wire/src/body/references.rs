//! What a body refers to that only one account knows, or can read.
//!
//! Only hard references: what names or quotes a thing without saying all of it. An item that is
//! given in full, id and all, is understood by every account.

use crate::json::Text;
use crate::reference::{self, ID_BYTES_MAX, REFERENCES_MAX};

/// The most sealed pieces remembered: the newest, whose maker is remembered best. All of a
/// conversation have one maker, or it could not have gone on.
const SEALED_MAX: usize = 16;

/// The references of one body.
#[derive(Debug, Default)]
pub(super) struct References {
    ids: Vec<String>,
    sealed: Vec<String>,
}

impl References {
    /// The id of a thing.
    pub(super) fn id(&mut self, id: &Text<'_>) {
        if id.raw().len() <= ID_BYTES_MAX {
            self.push(id.to_text());
        }
    }

    /// The name or the address of a thing; nothing if it is no account's.
    pub(super) fn name(&mut self, name: &Text<'_>) {
        let name = name.to_text();
        let id = name.as_deref().and_then(reference::of_name);
        self.push(id.filter(|id| id.len() <= ID_BYTES_MAX).map(str::to_owned));
    }

    /// Content that only the account that made it can read.
    pub(super) fn sealed(&mut self, content: &Text<'_>) {
        let Some(name) = reference::of_sealed(content.raw()) else {
            return;
        };
        if self.sealed.len() == SEALED_MAX {
            self.sealed.remove(0);
        }
        self.sealed.push(name);
    }

    /// All of them, what is sealed last and the newest of it first.
    pub(super) fn into_list(self) -> Vec<String> {
        let mut list = self.ids;
        list.extend(self.sealed.into_iter().rev());
        list
    }

    fn push(&mut self, id: Option<String>) {
        if let Some(id) = id.filter(|id| !id.is_empty())
            && self.ids.len() < REFERENCES_MAX
            && !self.ids.contains(&id)
        {
            self.ids.push(id);
        }
    }
}
