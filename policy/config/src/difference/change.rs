//! One change, and how it is told.

use std::collections::HashSet;
use std::fmt;

use super::show;

/// One thing that is different. Printed, it is one short line without secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What has changed.
    pub subject: Subject,
    /// How.
    pub what: What,
}

/// Part of a policy, by name: two policies need not have the same ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A table of settings, such as `gateway.limits`.
    Settings(&'static str),
    /// All providers together.
    Providers,
    /// A provider.
    Provider(String),
    /// A model group of a provider.
    ModelGroup {
        /// The provider.
        provider: String,
        /// The group.
        group: String,
    },
    /// An account.
    Account(String),
    /// A provider key.
    Key(String),
    /// A tenant.
    Tenant(String),
    /// A group of tenants.
    Group(String),
    /// The price of these models.
    Price(String),
    /// A client key of a tenant.
    ClientKey {
        /// The tenant.
        tenant: String,
        /// The beginning of the key's hash: enough to find it in the file.
        hash: String,
    },
    /// Another name for a model.
    Alias(String),
    /// All fallbacks that are no tenant's.
    Fallbacks,
    /// The fallbacks for these models.
    Fallback(String),
}

/// What has become of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// It is new. With a few words on it, or none.
    Added(String),
    /// It is gone.
    Removed,
    /// One thing about it is another.
    Changed {
        /// What.
        field: String,
        /// As it was. The same text as `after` where values differ that may not be shown.
        before: String,
        /// As it is.
        after: String,
    },
    /// One thing about it, changed or not.
    Is {
        /// What.
        field: String,
        /// As it is.
        value: String,
    },
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.what)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings(table) => f.write_str(table),
            Self::Providers => f.write_str("providers"),
            Self::Provider(id) => write!(f, "provider {id}"),
            Self::ModelGroup { provider, group } => {
                write!(f, "model group {group} of provider {provider}")
            }
            Self::Account(id) => write!(f, "account {id}"),
            Self::Key(id) => write!(f, "key {id}"),
            Self::Tenant(id) => write!(f, "tenant {id}"),
            Self::Group(id) => write!(f, "group {id}"),
            Self::Price(models) => write!(f, "price of {models}"),
            Self::ClientKey { tenant, hash } => write!(f, "client key {hash} of tenant {tenant}"),
            Self::Alias(name) => write!(f, "alias {name}"),
            Self::Fallbacks => f.write_str("fallbacks"),
            Self::Fallback(models) => write!(f, "fallback for {models}"),
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added(words) if words.is_empty() => f.write_str("added"),
            Self::Added(words) => write!(f, "added ({words})"),
            Self::Removed => f.write_str("removed"),
            Self::Changed {
                field,
                before,
                after,
            } if before == after => write!(f, "{field} changed"),
            Self::Changed {
                field,
                before,
                after,
            } => write!(f, "{field} {before} → {after}"),
            Self::Is { field, value } => write!(f, "{field} = {value}"),
        }
    }
}

/// Changes as they are found.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) found: Vec<Change>,
    /// Everything is told, changed or not.
    all: bool,
}

impl Changes {
    /// Of a policy compared with itself: all that it says.
    pub(super) const fn all() -> Self {
        Self {
            found: Vec::new(),
            all: true,
        }
    }

    /// Whether everything is told, changed or not.
    pub(super) const fn tells_all(&self) -> bool {
        self.all
    }

    pub(super) fn added(&mut self, subject: Subject, words: impl Into<String>) {
        let what = What::Added(words.into());
        self.found.push(Change { subject, what });
    }

    pub(super) fn removed(&mut self, subject: Subject) {
        let what = What::Removed;
        self.found.push(Change { subject, what });
    }

    /// Notes a field that has changed, if it has. Values are compared, not what is shown of them.
    pub(super) fn field<T: PartialEq + ?Sized>(
        &mut self,
        subject: &Subject,
        field: &str,
        (before, after): (&T, &T),
        show: impl Fn(&T) -> String,
    ) {
        let subject = || subject.clone();
        if self.all {
            let what = What::Is {
                field: field.to_owned(),
                value: show(after),
            };
            self.found.push(Change {
                subject: subject(),
                what,
            });
        } else if before != after {
            let what = What::Changed {
                field: field.to_owned(),
                before: show(before),
                after: show(after),
            };
            self.found.push(Change {
                subject: subject(),
                what,
            });
        }
    }

    /// Notes that things which are in both policies stand in another order, if they do.
    pub(super) fn order<'a>(
        &mut self,
        subject: &Subject,
        field: &str,
        before: impl Iterator<Item = &'a str>,
        after: impl Iterator<Item = &'a str>,
    ) {
        let (before, after): (Vec<&str>, Vec<&str>) = (before.collect(), after.collect());
        if before == after && !self.all {
            return;
        }
        let common = |these: &[&'a str], those: &[&'a str]| {
            let those: HashSet<&str> = those.iter().copied().collect();
            let kept = these.iter().copied().filter(|it| those.contains(it));
            kept.collect::<Vec<&'a str>>()
        };
        let (before, after) = (common(&before, &after), common(&after, &before));
        self.field(subject, field, (&before, &after), |names| show::list(names));
    }
}
