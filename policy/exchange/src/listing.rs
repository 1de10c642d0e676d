//! One list out of several accounts' lists: which account is asked for which page next, and which
//! of all that came the client gets.
//!
//! An account lists what all tenants made there, and only its own. So every account is asked, page
//! by page; what is not the tenant's to see is left out as it comes; and the rest is put in one
//! order, of which the client gets the page it asked for. Its place in the list is the id of the
//! last thing it saw, as with the provider, so that nothing has to be kept between its requests:
//! each gathers anew. Lists are short and rarely asked for.
//!
//! Bounded in accounts, pages and bytes; what lies beyond is not listed.

use std::collections::{HashSet, VecDeque};

use keyweir_wire::list::{Item, Page, PageForm, Paging, write};

use crate::seek::{ASKED_MAX, Holder};

/// Pages asked for of one account: two thousand things.
const PAGES_PER_ACCOUNT_MAX: u32 = 20;
/// Pages asked for in all: each costs a request.
const PAGES_MAX: u32 = 64;
/// Bytes of what is kept for the answer: as long an answer as is read as a whole, four times.
const BYTES_MAX: usize = 8 * 1024 * 1024;

/// A list in the making.
#[derive(Debug)]
pub struct Gathering {
    paging: Paging,
    form: PageForm,
    accounts: VecDeque<Holder>,
    pages: u32,
    pages_of_account: u32,
    /// What to ask the first account for.
    next: String,
    items: Vec<Item>,
    /// Of those that every account lists, the ids of what is among the items.
    everybodys: HashSet<String>,
    bytes: usize,
}

/// A page to ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Of which account.
    pub of: Holder,
    /// With which query.
    pub query: String,
}

impl Gathering {
    /// Of what `accounts` list in `form`, the page that `paging` asks for.
    pub fn new(form: PageForm, paging: Paging, accounts: impl Iterator<Item = Holder>) -> Self {
        Self {
            next: paging.query(None),
            paging,
            form,
            accounts: accounts.take(ASKED_MAX).collect(),
            pages: 0,
            pages_of_account: 0,
            items: Vec::new(),
            everybodys: HashSet::new(),
            bytes: 0,
        }
    }

    /// What to ask for next; `None`: all is there.
    pub fn next(&self) -> Option<Ask> {
        let of = *self.accounts.front()?;
        let is_full = self.pages >= PAGES_MAX || self.bytes >= BYTES_MAX;
        (!is_full).then(|| Ask {
            of,
            query: self.next.clone(),
        })
    }

    /// A page came, or none that could be read. `shows`: whether the client may see a thing.
    pub fn came(&mut self, page: Option<Page>, shows: impl Fn(&str) -> bool) {
        self.pages += 1;
        self.pages_of_account += 1;
        let Some(page) = page else {
            return self.next_account();
        };
        self.form = page.form;
        let next = self.paging.query(Some(&page));
        let more = page.has_more && !page.items.is_empty();
        for item in page.items {
            if item.is_everybodys && !self.everybodys.insert(item.id.clone()) {
                continue;
            }
            if item.is_everybodys || shows(&item.id) {
                self.bytes += item.json.len();
                self.items.push(item);
            }
        }
        if more && self.pages_of_account < PAGES_PER_ACCOUNT_MAX && next != self.next {
            self.next = next;
        } else {
            self.next_account();
        }
    }

    fn next_account(&mut self) {
        self.accounts.pop_front();
        self.pages_of_account = 0;
        self.next = self.paging.query(None);
    }

    /// The list that the client gets.
    pub fn list(mut self) -> Vec<u8> {
        // Stable: each account's own order stays where times are alike.
        if self.paging.ascending {
            self.items.sort_by_key(|item| item.created);
        } else {
            self.items
                .sort_by_key(|item| std::cmp::Reverse(item.created));
        }
        let place = |id: &str| self.items.iter().position(|item| item.id == id);
        let (start, end) = match (&self.paging.after, &self.paging.before) {
            // Beyond a thing that is not there nothing is.
            (Some(after), _) => {
                let start = place(after).map_or(self.items.len(), |at| at + 1);
                (
                    start,
                    self.items
                        .len()
                        .min(start.saturating_add(self.paging.limit)),
                )
            }
            (None, Some(before)) => {
                let end = place(before).unwrap_or(0);
                (end.saturating_sub(self.paging.limit), end)
            }
            (None, None) => (0, self.items.len().min(self.paging.limit)),
        };
        let has_more = match &self.paging.before {
            Some(_) if self.paging.after.is_none() => start > 0,
            _ => end < self.items.len(),
        };
        write(self.form, &self.items[start..end], has_more)
    }
}

#[cfg(test)]
mod tests {
    use keyweir_terms::endpoint::Endpoint;
    use keyweir_terms::ids::{AccountId, ProviderId};

    use super::*;

    /// Three accounts with 150 things each, made in turn by three tenants: the ids say whose.
    fn account(account: u32, query: &str) -> Page {
        let all: Vec<Item> = (0..150)
            .rev()
            .map(|at| Item {
                id: format!("t{}-{account}-{at}", at % 3),
                created: i64::from(at) * 3 + i64::from(account),
                is_everybodys: false,
                json: format!("{{\"id\":\"t{}-{account}-{at}\"}}", at % 3).into_bytes(),
            })
            .collect();
        let after = query.split('&').find_map(|it| it.strip_prefix("after="));
        let start = after.map_or(0, |after| {
            all.iter().position(|it| it.id == after).expect("there") + 1
        });
        let end = (start + 100).min(all.len());
        Page {
            form: PageForm::OpenAi,
            items: all[start..end].to_vec(),
            has_more: end < all.len(),
            next: None,
        }
    }

    fn listed(query: &str, shows: impl Fn(&str) -> bool) -> (Vec<String>, bool, u32) {
        let paging = Paging::read(PageForm::OpenAi, Endpoint::Batches, query);
        let accounts = (0..3).map(|account| (ProviderId(0), AccountId(account)));
        let mut gathering = Gathering::new(PageForm::OpenAi, paging, accounts);
        let mut asked = 0;
        while let Some(ask) = gathering.next() {
            asked += 1;
            gathering.came(Some(account(ask.of.1.0, &ask.query)), &shows);
        }
        let page = Page::read(&gathering.list()).expect("a list");
        let ids = page.items.into_iter().map(|item| item.id).collect();
        (ids, page.has_more, asked)
    }

    #[test]
    fn accounts_lists_are_one_and_a_tenant_gets_its_own_page_by_page() {
        let mine = |id: &str| id.starts_with("t1-");
        let (mut seen, mut query) = (Vec::new(), "limit=40".to_owned());
        loop {
            let (ids, has_more, asked) = listed(&query, mine);
            assert_eq!(asked, 6, "two pages of each account");
            assert!(ids.iter().all(|id| mine(id)), "{ids:?}");
            seen.extend(ids);
            if !has_more {
                break;
            }
            query = format!("limit=40&after={}", seen.last().expect("one"));
        }
        assert_eq!(seen.len(), 150);
        let mut once = seen.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), 150);
        // The newest first, whichever account it is on.
        assert_eq!(&seen[..3], ["t1-2-148", "t1-1-148", "t1-0-148"]);
        assert_eq!(listed("after=unknown", mine).0.len(), 0);
    }

    #[test]
    fn a_page_before_a_thing_is_the_one_next_to_it() {
        let all = |_: &str| true;
        let (first, ..) = listed("limit=10", all);
        let (before, has_more, _) = listed(&format!("limit=3&before={}", first[5]), all);
        assert_eq!(before, first[2..5]);
        assert!(has_more);
    }

    #[test]
    fn accounts_that_give_no_list_are_passed_over_and_pages_are_bounded() {
        let paging = Paging::read(PageForm::Anthropic, Endpoint::Files, "");
        let accounts = (0..1000).map(|account| (ProviderId(0), AccountId(account)));
        let mut gathering = Gathering::new(PageForm::Anthropic, paging, accounts);
        let mut asked = 0;
        while gathering.next().is_some() {
            asked += 1;
            gathering.came(None, |_| true);
        }
        assert_eq!(asked, ASKED_MAX);
        assert_eq!(
            gathering.list(),
            br#"{"data":[],"first_id":null,"last_id":null,"has_more":false}"#
        );
        // A provider that gives the same page for ever is left after it.
        let paging = Paging::read(PageForm::OpenAi, Endpoint::Files, "");
        let one = [(ProviderId(0), AccountId(0))];
        let mut gathering = Gathering::new(PageForm::OpenAi, paging, one.into_iter());
        let mut asked = 0;
        while gathering.next().is_some() {
            asked += 1;
            gathering.came(Some(account(0, "")), |_| true);
        }
        assert_eq!(asked, 2);
    }
}
