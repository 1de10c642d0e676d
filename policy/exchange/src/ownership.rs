//! Whether what a request names is there for its tenant: the thing in its path, and those that its
//! body refers to.
//!
//! A thing of another tenant's is answered like one that does not exist: a different answer would
//! tell that it does. Of what nobody remembers (made before a restart, by another replica, with the
//! key itself) the owner is unknown; where there are tenants to keep apart it is refused, too,
//! unless the policy lets things be sought (`gateway.seek_unknown_ids`).

use keyweir_terms::ids::TenantId;
use keyweir_wire::reference::{REFERENCES_MAX, is_sealed};

use crate::holders::Holders;
use crate::seek::Holder;

/// What a request names.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    /// The thing that its path names.
    pub resource: Option<&'a str>,
    /// Those that its body refers to.
    pub references: &'a [String],
}

/// What a tenant may see.
#[derive(Clone, Copy)]
pub struct Sight<'a> {
    /// Whether it may see what another made; `None`: it may see everything.
    pub sees: Option<&'a dyn Fn(TenantId) -> bool>,
    /// Whether things are sought that nobody remembers.
    pub seeks: bool,
}

/// What is known of what a request names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ownership {
    /// Who holds it.
    pub holder: Option<Holder>,
    /// Who made the thing that the path names.
    pub owner: Option<TenantId>,
}

/// Something of that is not there for this tenant. The message tells the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Hidden {
    /// It made none of this id, or that is not remembered.
    #[error("not found: nothing that this client key may use has this id")]
    Unseen,
    /// More than are kept, so that some would go unchecked.
    #[error("a request may refer to fewer than {REFERENCES_MAX} files, responses and the like")]
    TooMany,
}

impl Sight<'_> {
    /// Whether a thing is there for the tenant; `owner`: who made it, if that is known.
    pub fn shows(&self, owner: Option<TenantId>) -> bool {
        match (self.sees, owner) {
            (None, _) => true,
            (Some(sees), Some(owner)) => sees(owner),
            (Some(_), None) => self.seeks,
        }
    }
}

/// Who holds what a request names.
///
/// # Errors
/// If any of it is not there for its tenant.
pub fn look_up(
    holders: &mut Holders,
    named: Named<'_>,
    sight: Sight<'_>,
) -> Result<Ownership, Hidden> {
    let mut known = Ownership::default();
    let ids = named.references.iter().filter(|id| !is_sealed(id));
    if sight.sees.is_some() && ids.count() >= REFERENCES_MAX {
        return Err(Hidden::TooMany);
    }
    if let Some(id) = named.resource {
        let held = holders.of(id);
        known.holder = held.map(|held| held.holder);
        known.owner = held.and_then(|held| held.owner);
        if !sight.shows(known.owner) {
            return Err(Hidden::Unseen);
        }
    }
    for id in named.references {
        let held = holders.of(id);
        let is_none_of_ours = is_sealed(id) || held.is_none() && !is_made(id);
        if !is_none_of_ours && !sight.shows(held.and_then(|held| held.owner)) {
            return Err(Hidden::Unseen);
        }
        if named.resource.is_none() && known.holder.is_none() {
            known.holder = held.map(|held| held.holder);
        }
    }
    Ok(known)
}

/// Whether what a body refers to is somebody's, so that only its account has it.
pub(crate) fn is_somebodys(id: &str) -> bool {
    is_sealed(id) || is_made(id)
}

/// Whether an id is of something that somebody made, as all that providers give are: a kind, a mark,
/// and letters with digits among them. What a provider has for everybody has a plain name (`auto`,
/// Anthropic's skill `pptx`).
fn is_made(id: &str) -> bool {
    let is_marked = id.contains(['_', '-', '/', ':']) || id.len() >= LONG;
    is_marked
        && id
            .bytes()
            .any(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
        || id.len() >= LONG
}

/// From so many bytes on an id is nobody's plain name: 64 random bits in letters and digits.
const LONG: usize = 12;

#[cfg(test)]
mod tests {
    use keyweir_terms::ids::{AccountId, ProviderId};

    use super::*;

    const MINE: TenantId = TenantId(0);
    const OTHERS: TenantId = TenantId(1);

    fn holders() -> Holders {
        let mut holders = Holders::default();
        let holder = |account| (ProviderId(0), AccountId(account));
        holders.learn("file-mine1", holder(1), Some(MINE));
        holders.learn("file-other1", holder(2), Some(OTHERS));
        holders.learn("file-sought1", holder(3), None);
        holders
    }

    fn seen(resource: Option<&str>, references: &[&str], seeks: bool) -> Result<Ownership, Hidden> {
        let references: Vec<String> = references.iter().map(|it| (*it).to_owned()).collect();
        let named = Named {
            resource,
            references: &references,
        };
        let sees = |owner| owner == MINE;
        let sight = Sight {
            sees: Some(&sees),
            seeks,
        };
        look_up(&mut holders(), named, sight)
    }

    fn at(account: u32, owner: Option<TenantId>) -> Result<Ownership, Hidden> {
        Ok(Ownership {
            holder: Some((ProviderId(0), AccountId(account))),
            owner,
        })
    }

    #[test]
    fn what_a_tenant_made_is_its_own() {
        assert_eq!(seen(Some("file-mine1"), &[], false), at(1, Some(MINE)));
        assert_eq!(seen(None, &["file-mine1"], false), at(1, None));
        for seeks in [false, true] {
            assert_eq!(seen(Some("file-other1"), &[], seeks), Err(Hidden::Unseen));
            assert_eq!(
                seen(None, &["file-mine1", "file-other1"], seeks),
                Err(Hidden::Unseen)
            );
            assert_eq!(
                seen(Some("file-mine1"), &["file-other1"], seeks),
                Err(Hidden::Unseen)
            );
        }
    }

    #[test]
    fn what_nobody_remembers_is_there_only_where_it_may_be_sought() {
        for (resource, references) in [
            (Some("msgbatch_01x"), &[][..]),
            (Some("plain"), &[]),
            (None, &["resp_01x"]),
            (None, &["0123456789abcdef"]),
            (None, &["conversation"]),
        ] {
            assert_eq!(seen(resource, references, false), Err(Hidden::Unseen));
            assert_eq!(seen(resource, references, true), Ok(Ownership::default()));
        }
        assert_eq!(seen(Some("file-sought1"), &[], false), Err(Hidden::Unseen));
        assert_eq!(seen(Some("file-sought1"), &[], true), at(3, None));
    }

    #[test]
    fn what_a_provider_has_for_everybody_is_not_hidden() {
        assert_eq!(
            seen(None, &["pptx", "auto"], false),
            Ok(Ownership::default())
        );
        let sealed = "sealed#0123456789abcdef";
        assert_eq!(seen(None, &[sealed], false), Ok(Ownership::default()));
    }

    #[test]
    fn nothing_goes_unchecked_because_there_is_so_much_of_it() {
        let many = ["file-mine1"; REFERENCES_MAX];
        assert_eq!(seen(None, &many, true), Err(Hidden::TooMany));
        assert!(seen(None, &many[1..], true).is_ok());
    }

    #[test]
    fn where_there_is_nobody_to_hide_from_everything_is_seen() {
        let sight = Sight {
            sees: None,
            seeks: false,
        };
        for id in ["file-other1", "unheard-of-1"] {
            let named = Named {
                resource: Some(id),
                references: &[],
            };
            assert!(look_up(&mut holders(), named, sight).is_ok(), "{id}");
        }
    }
}
