//! What a body refers to that only one account knows, or can read.
//!
//! Only hard references: what names or quotes a thing without saying all of it. An item that is
//! given in full, id and all, is understood by every account.

use crate::json::{Kind, Malformed, Reader, Text};
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
        if id.len() <= ID_BYTES_MAX {
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

    /// The id of something at the provider: a string, an object with an `id`, or several.
    pub(super) fn reference(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        match reader.peek()? {
            Kind::String => {
                let id = reader.string()?;
                self.id(&id);
                Ok(())
            }
            Kind::Array => reader.array(|reader| self.reference(reader)),
            Kind::Object => self.referred(reader),
            _ => reader.skip().map(drop),
        }
    }

    /// Objects that may name things of the account's, in a place where other values do not.
    pub(super) fn things(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        match reader.peek()? {
            Kind::Array => reader.array(|reader| self.things(reader)),
            Kind::Object => self.referred(reader),
            _ => reader.skip().map(drop),
        }
    }

    /// An object that names a thing of the account's.
    fn referred(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        let (mut skill, mut is_everybodys) = (None, false);
        reader.object(|name, reader| match name {
            b"id" | b"skills" | b"file_id" | b"file_ids" | b"container_id" => {
                self.reference(reader)
            }
            b"skill_id" => {
                skill = reader.string_or_skip()?;
                Ok(())
            }
            b"type" => {
                let kind = reader.string_or_skip()?;
                // The provider's own skills (`pdf`, `xlsx`).
                is_everybodys = kind.is_some_and(|kind| kind.raw() == b"anthropic");
                Ok(())
            }
            _ => reader.skip().map(drop),
        })?;
        if let Some(skill) = skill.filter(|_| !is_everybodys) {
            self.id(&skill);
        }
        Ok(())
    }

    /// The name or the address of something at the provider.
    pub(super) fn named(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        if let Some(name) = reader.string_or_skip()? {
            self.name(&name);
        }
        Ok(())
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
