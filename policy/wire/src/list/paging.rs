//! Which page of a list a client asks for, and how to ask an account for one.

use keyweir_terms::endpoint::Endpoint;

use crate::credential::query::escaped;
use crate::list::page::{Page, PageForm};

/// What both vendors give at once where the client says nothing.
/// (<https://docs.anthropic.com/en/api/listing-message-batches>; OpenAI's lists of files: 10,000.)
const LIMIT: usize = 20;
const FILES_LIMIT: usize = 10_000;
/// The most that every list gives at once.
const FETCHED: usize = 100;

/// What a client asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paging {
    /// At most so many.
    pub limit: usize,
    /// Only what follows this one.
    pub after: Option<String>,
    /// Only what comes before this one.
    pub before: Option<String>,
    /// The oldest first.
    pub ascending: bool,
    /// The rest of the query, for the provider to see.
    rest: String,
    /// It is a list of Google's.
    is_google: bool,
}

impl Paging {
    /// Reads it from the query of a list in `form`.
    pub fn read(form: PageForm, endpoint: Endpoint, query: &str) -> Self {
        let files = endpoint == Endpoint::Files && form == PageForm::OpenAi;
        let mut paging = Self {
            limit: if files { FILES_LIMIT } else { LIMIT },
            is_google: matches!(form, PageForm::Google(_)),
            ..Self::default()
        };
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let id = || Some(value.to_owned()).filter(|id| !id.is_empty());
            match name {
                "limit" | "pageSize" => {
                    let asked = value.parse().unwrap_or(paging.limit);
                    paging.limit = asked.clamp(1, FILES_LIMIT);
                    continue;
                }
                "after" | "after_id" | "page" | "pageToken" => paging.after = id(),
                "before" | "before_id" => paging.before = id(),
                _ => {
                    paging.ascending |= parameter == "order=asc";
                    if !paging.rest.is_empty() {
                        paging.rest.push('&');
                    }
                    paging.rest.push_str(parameter);
                }
            }
        }
        paging
    }

    /// The query for an account's first page, or for the one that follows `page`.
    pub fn query(&self, page: Option<&Page>) -> String {
        let size = if self.is_google { "pageSize" } else { "limit" };
        let mut query = format!("{size}={FETCHED}");
        if !self.rest.is_empty() {
            query.push('&');
            query.push_str(&self.rest);
        }
        let Some(page) = page else {
            return query;
        };
        match (&page.next, page.items.last()) {
            (Some(token), _) => {
                let name = if self.is_google { "pageToken" } else { "page" };
                query.push_str(&format!("&{name}={}", escaped(token)));
            }
            (None, Some(last)) => {
                let name = match page.form {
                    PageForm::Anthropic => "after_id",
                    PageForm::OpenAi | PageForm::Google(_) => "after",
                };
                query.push_str(&format!("&{name}={}", escaped(&last.id)));
            }
            (None, None) => {}
        }
        query
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::list::page::Item;

    #[test]
    fn a_page_is_asked_for_in_each_dialects_words() {
        let read = |query| Paging::read(PageForm::OpenAi, Endpoint::Batches, query);
        let paging = read("purpose=batch&limit=3&after=file-1&order=asc");
        assert_eq!(paging.limit, 3);
        assert_eq!(paging.after.as_deref(), Some("file-1"));
        assert!(paging.ascending);
        assert_eq!(paging.query(None), "limit=100&purpose=batch&order=asc");
        assert_eq!(read("").limit, 20);
        assert_eq!(read("limit=0").limit, 1);
        assert_eq!(read("limit=x&after=").after, None);
        let files = Paging::read(PageForm::OpenAi, Endpoint::Files, "");
        assert_eq!(files.limit, 10_000);
        let anthropic = Paging::read(PageForm::Anthropic, Endpoint::Files, "before_id=f&limit=5");
        assert_eq!(anthropic.before.as_deref(), Some("f"));

        let item = Item {
            id: "a/b".to_owned(),
            created: 0,
            is_everybodys: false,
            json: Vec::new(),
        };
        let mut page = Page {
            form: PageForm::OpenAi,
            items: vec![item],
            has_more: true,
            next: None,
        };
        assert_eq!(read("").query(Some(&page)), "limit=100&after=a%2Fb");
        page.form = PageForm::Anthropic;
        assert_eq!(read("").query(Some(&page)), "limit=100&after_id=a%2Fb");
        page.next = Some("t=1".to_owned());
        assert_eq!(read("").query(Some(&page)), "limit=100&page=t%3D1");
        let google = Paging::read(
            PageForm::Google("files"),
            Endpoint::Files,
            "pageSize=3&pageToken=a",
        );
        assert_eq!((google.limit, google.after.as_deref()), (3, Some("a")));
        assert_eq!(google.query(Some(&page)), "pageSize=100&pageToken=t%3D1");
    }
}
