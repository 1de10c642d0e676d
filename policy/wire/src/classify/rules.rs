//! Rows of the attribution table that an operator gives for one provider; they stand before all others.
//!
//! They are for what nobody foresaw: a provider with words of its own, or an account whose state
//! means something else to its owner. A rule that names no words holds for a whole status.

use std::fmt;

use crate::classify::heard::Heard;
use crate::classify::row::Charge;
use crate::classify::table;
use keyweir_terms::fault::Fault;

/// One row of an operator's: which errors it is about, and whom they are charged to.
///
/// What is `None` holds for every error. Codes and words are compared without case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    status: Option<u16>,
    code: Option<String>,
    begins: Option<String>,
    charge: Charge,
}

impl Rule {
    /// Errors with `status` (or that imply it, where they come with 200), whose type, code or detail
    /// is `code`, and whose message begins with `begins` (in which the first `*` stands for a name),
    /// are charged as `charge`, with the wait that they state.
    pub fn new(
        status: Option<u16>,
        code: Option<&str>,
        begins: Option<&str>,
        charge: Charge,
    ) -> Self {
        Self {
            status,
            code: code.map(str::to_ascii_lowercase),
            begins: begins.map(str::to_ascii_lowercase),
            charge,
        }
    }

    fn is_about(&self, heard: &Heard) -> bool {
        let code = self.code.as_deref();
        let begins = self.begins.as_deref();
        self.status.is_none_or(|status| status == heard.status)
            && code.is_none_or(|code| heard.says(&[code]))
            && begins.is_none_or(|begins| heard.begins(&[begins]))
    }
}

impl fmt::Display for Rule {
    /// `400 quota.daily "you have" as rate_limited`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(status) = self.status {
            write!(f, "{status} ")?;
        }
        if let Some(code) = &self.code {
            write!(f, "{code} ")?;
        }
        if let Some(begins) = &self.begins {
            write!(f, "\"{begins}\" ")?;
        }
        write!(f, "as {}", self.charge.as_str())
    }
}

/// Whom the first rule that fits charges it to, or else the table.
pub(crate) fn fault(rules: &[Rule], heard: &Heard) -> Fault {
    let rule = rules.iter().find(|rule| rule.is_about(heard));
    rule.map_or_else(|| table::fault(heard), |rule| rule.charge.fault(heard.wait))
}

#[cfg(test)]
mod tests {
    use keyweir_terms::endpoint::Endpoint;

    use super::*;

    #[test]
    fn the_first_rule_that_fits_holds() {
        let rules = [
            Rule::new(Some(400), Some("Quota.Daily"), None, Charge::RateLimited),
            Rule::new(None, Some("no_plan"), None, Charge::OutOfMoney),
            Rule::new(Some(403), None, Some("Plan * ended"), Charge::OutOfMoney),
            Rule::new(Some(418), None, None, Charge::Overloaded),
        ];
        let judge = |status, body: &[u8]| {
            let heard = Heard::answer(Endpoint::Inference, status, &|_| None, body);
            fault(&rules, &heard).as_str()
        };
        for (status, body, charged) in [
            (400, r#"{"code":"quota.daily"}"#, "rate_limited"),
            (400, r#"{"code":"other"}"#, "bad_request"),
            (401, r#"{"code":"quota.daily"}"#, "key_rejected"),
            (401, r#"{"code":"No_Plan"}"#, "out_of_money"),
            (403, r#"{"message":"Plan 9 ended"}"#, "out_of_money"),
            (403, r#"{"message":"No"}"#, "model_denied"),
            (418, "", "overloaded"),
        ] {
            assert_eq!(judge(status, body.as_bytes()), charged, "{status} {body}");
        }
    }

    #[test]
    fn a_rule_shows_what_it_is_about() {
        let rule = Rule::new(Some(400), Some("A"), Some("You"), Charge::Broken);
        assert_eq!(rule.to_string(), "400 a \"you\" as broken");
        let rule = Rule::new(None, Some("A"), None, Charge::BadRequest);
        assert_eq!(rule.to_string(), "a as bad_request");
    }
}
