//! A gateway's word to the others as text: a line for each thing it tells.
//!
//! Text, because it is looked at when something is wrong; lines, because a later version may tell more:
//! what is not understood is left out. Numbers only: no name of a tenant, account or key is in it.

use std::collections::HashMap;
use std::fmt::{Result, Write as _};
use std::str::{FromStr, SplitAsciiWhitespace};
use std::time::Duration;

use keyweir_policy::pool::report::{AccountReport, OutReport, PoolReport, Who};
use keyweir_policy::tenancy::period::Wall;
use keyweir_policy::tenancy::report::{RowReport, What};
use keyweir_policy::terms::ids::ProviderId;

use super::names::{Names, OfProvider};

/// Amounts are told in thousandths: parts of tokens are not told, and sums stay whole numbers.
const PARTS: f64 = 1_000.0;

/// What a gateway says at a time.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Word {
    /// Whose budgets it has.
    pub(super) book: u64,
    /// It has heard the others.
    pub(super) is_settled: bool,
    /// Of tenants' limits and budgets.
    pub(super) rows: Vec<RowReport>,
    /// Of providers' accounts and keys.
    pub(super) pools: HashMap<ProviderId, PoolReport>,
}

impl Word {
    /// As text. Who has no name is left out: it is gone from the policy.
    pub(super) fn write(&self, names: &Names) -> String {
        let mut text = format!("g {} {}\n", self.book, u8::from(self.is_settled));
        // Writing to a string cannot fail.
        for row in &self.rows {
            let _ = write_row(&mut text, row);
        }
        for (provider, told) in &self.pools {
            let (Some(hash), Some(of_provider)) = (
                names.providers.hash(*provider),
                names.of_provider(*provider),
            ) else {
                continue;
            };
            for account in &told.accounts {
                let _ = write_account(&mut text, (hash, of_provider), account);
            }
            for out in &told.out {
                let _ = write_out(&mut text, (hash, of_provider), out);
            }
        }
        text
    }

    /// From text; what is not understood is left out.
    pub(super) fn read(text: &str, names: &Names) -> Self {
        let mut word = Self::default();
        for line in text.lines() {
            let mut parts = line.split_ascii_whitespace();
            match parts.next() {
                Some("g") => {
                    word.book = next(&mut parts).unwrap_or_default();
                    word.is_settled = next(&mut parts) == Some(1_u8);
                }
                Some(kind @ ("r" | "c" | "b")) => word.rows.extend(read_row(kind, &mut parts)),
                Some(kind @ ("a" | "o")) => {
                    word.read_of_pool(kind, names, &mut parts);
                }
                _ => {}
            }
        }
        word
    }

    fn read_of_pool(
        &mut self,
        kind: &str,
        names: &Names,
        parts: &mut SplitAsciiWhitespace<'_>,
    ) -> Option<()> {
        let provider = names.providers.id(next(parts)?)?;
        let of_provider = names.of_provider(provider)?;
        let told = self.pools.entry(provider).or_default();
        match kind {
            "a" => told.accounts.extend(read_account(of_provider, parts)),
            _ => told.out.extend(read_out(of_provider, parts)),
        }
        Some(())
    }
}

fn write_row(text: &mut String, told: &RowReport) -> Result {
    let RowReport { row, demand, what } = told;
    match what {
        What::Rate { life, taken, level } => {
            writeln!(text, "r {row} {demand} {life} {taken} {level}")
        }
        What::AtATime { running, claim } => writeln!(text, "c {row} {demand} {running} {claim}"),
        What::Budget {
            begin,
            spent,
            reserved,
        } => writeln!(text, "b {row} {demand} {} {spent} {reserved}", begin.0),
    }
}

fn read_row(kind: &str, parts: &mut SplitAsciiWhitespace<'_>) -> Option<RowReport> {
    let (row, demand) = (next(parts)?, next(parts)?);
    let what = match kind {
        "r" => What::Rate {
            life: next(parts)?,
            taken: next(parts)?,
            level: next(parts)?,
        },
        "c" => What::AtATime {
            running: next(parts)?,
            claim: next(parts)?,
        },
        _ => What::Budget {
            begin: Wall(next(parts)?),
            spent: next(parts)?,
            reserved: next(parts)?,
        },
    };
    Some(RowReport { row, demand, what })
}

fn write_account(
    text: &mut String,
    (provider, names): (u64, &OfProvider),
    told: &AccountReport,
) -> Result {
    let Some(account) = names.accounts.hash(told.account) else {
        return Ok(());
    };
    let AccountReport { group, life, .. } = told;
    write!(text, "a {provider} {account} {group} {life}")?;
    for taken in told.taken {
        // A float beyond the range saturates.
        write!(text, " {}", (taken * PARTS).round() as i64)?;
    }
    writeln!(text, " {}", told.cooldown.as_millis())
}

fn read_account(names: &OfProvider, parts: &mut SplitAsciiWhitespace<'_>) -> Option<AccountReport> {
    let account = names.accounts.id(next(parts)?)?;
    let (group, life) = (next(parts)?, next(parts)?);
    let mut taken = [0.0; 4];
    for amount in &mut taken {
        *amount = next::<i64>(parts)? as f64 / PARTS;
    }
    let cooldown = Duration::from_millis(next(parts)?);
    Some(AccountReport {
        account,
        group,
        life,
        taken,
        cooldown,
    })
}

fn write_out(text: &mut String, (provider, names): (u64, &OfProvider), told: &OutReport) -> Result {
    let (kind, who, group) = match told.who {
        Who::KeyOfGroup(key, group) => ("g", names.keys.hash(key), group),
        Who::Key(key) => ("k", names.keys.hash(key), 0),
        Who::Account(account) => ("a", names.accounts.hash(account), 0),
    };
    let Some(who) = who else { return Ok(()) };
    let (since, rest) = (told.since.as_millis(), told.rest.as_millis());
    writeln!(text, "o {provider} {kind} {who} {group} {since} {rest}")
}

fn read_out(names: &OfProvider, parts: &mut SplitAsciiWhitespace<'_>) -> Option<OutReport> {
    let (kind, who, group) = (parts.next()?, next(parts)?, next(parts)?);
    let who = match kind {
        "g" => Who::KeyOfGroup(names.keys.id(who)?, group),
        "k" => Who::Key(names.keys.id(who)?),
        "a" => Who::Account(names.accounts.id(who)?),
        _ => return None,
    };
    Some(OutReport {
        who,
        since: Duration::from_millis(next(parts)?),
        rest: Duration::from_millis(next(parts)?),
    })
}

fn next<T: FromStr>(parts: &mut SplitAsciiWhitespace<'_>) -> Option<T> {
    parts.next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use keyweir_policy::config::file;
    use keyweir_policy::terms::ids::{AccountId, KeyId};

    use super::*;

    fn names() -> Names {
        let text = "[[provider]]\nid = \"p\"\ndialect = \"openai\"\nbase_url = \"https://p.example\"\n[[account]]\nid = \"a\"\n\
                    provider = \"p\"\n[[account.key]]\nid = \"k\"\nsecret = { env = \"K\" }\n";
        let (policy, _) = file::parse(&[("keys.toml", text)], SystemTime::UNIX_EPOCH)
            .unwrap_or_else(|report| panic!("{report}"));
        Names::of(&policy)
    }

    fn rows() -> Vec<RowReport> {
        let all = [
            What::Rate {
                life: 2,
                taken: -3,
                level: i64::MIN,
            },
            What::AtATime {
                running: 5,
                claim: 6,
            },
            What::Budget {
                begin: Wall(-8),
                spent: u128::MAX,
                reserved: 9,
            },
        ];
        let row = |(row, what)| RowReport {
            row,
            demand: 7,
            what,
        };
        (1..).zip(all).map(row).collect()
    }

    #[test]
    fn a_word_is_read_as_it_was_written() {
        let account = AccountReport {
            account: AccountId(0),
            group: u64::MAX,
            life: 3,
            taken: [1.0, -2.5, 0.0, 1e9],
            cooldown: Duration::from_millis(1_500),
        };
        let out = |who| OutReport {
            who,
            since: Duration::from_millis(4),
            rest: Duration::from_secs(60),
        };
        let who = [
            Who::Key(KeyId(0)),
            Who::KeyOfGroup(KeyId(0), 9),
            Who::Account(AccountId(0)),
        ];
        let told = PoolReport {
            accounts: vec![account],
            out: who.map(out).to_vec(),
        };
        let word = Word {
            book: u64::MAX,
            is_settled: true,
            rows: rows(),
            pools: HashMap::from([(ProviderId(0), told)]),
        };
        let names = names();
        assert_eq!(Word::read(&word.write(&names), &names), word);
        // Whoever has another policy leaves out what it does not know.
        let heard = Word::read(&word.write(&names), &Names::default());
        assert_eq!((heard.rows, heard.pools.len()), (rows(), 0));
    }

    #[test]
    fn what_is_not_understood_is_left_out() {
        let text = "g 1 1\nr 1 2 x\nz 1\n\nc 3 4\nc 5 6 7 8\nb\n\0\na 1 2\no 1\n";
        let word = Word::read(text, &names());
        assert_eq!((word.book, word.is_settled), (1, true));
        assert_eq!((word.rows.len(), word.pools.len()), (1, 0));
    }
}
