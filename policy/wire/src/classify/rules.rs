//! Rows of the blame table that an operator gives for one provider; they stand before all others.
//!
//! They are for what nobody foresaw: a provider with words of its own, or an account whose state
//! means something else to its owner. A rule that names no words holds for a whole status.

use crate::classify::heard::Heard;
use crate::classify::row::Charge;
use crate::classify::table;
use keyweir_terms::fault::Fault;

/// One row of an operator's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    status: u16,
    code: Option<String>,
    begins: Option<String>,
    charge: Charge,
}

/// Why a rule is none. The message says what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// Its status is no error.
    #[error("status {status} is no error; write one from 400 to 599")]
    NoError {
        /// The status given.
        status: u16,
    },
    /// It charges nobody that there is.
    #[error("`{charged}` is no fault; write one of {known}")]
    UnknownFault {
        /// The name given.
        charged: String,
        /// All names there are.
        known: String,
    },
}

impl Rule {
    /// Answers with `status` are charged as `charged` ([`Fault::as_str`]), with the wait that they
    /// state; if given, only those whose type, code or detail is `code`, and whose message begins
    /// with `begins`, in any case.
    ///
    /// # Errors
    /// If the status is no error, or `charged` is not the name of a fault that an answer can have.
    pub fn new(
        status: u16,
        code: Option<&str>,
        begins: Option<&str>,
        charged: &str,
    ) -> Result<Self, RuleError> {
        if !(400..600).contains(&status) {
            return Err(RuleError::NoError { status });
        }
        let charge = Charge::named(charged).ok_or_else(|| RuleError::UnknownFault {
            charged: charged.to_owned(),
            known: Charge::ALL
                .map(|charge| charge.fault(None).as_str())
                .join(", "),
        })?;
        Ok(Self {
            status,
            code: code.map(str::to_ascii_lowercase),
            begins: begins.map(str::to_ascii_lowercase),
            charge,
        })
    }

    fn is_about(&self, heard: &Heard) -> bool {
        let code = self.code.as_deref();
        let begins = self.begins.as_deref();
        self.status == heard.status
            && code.is_none_or(|code| heard.says(&[code]))
            && begins.is_none_or(|begins| heard.begins(&[begins]))
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
            Rule::new(400, Some("Quota.Daily"), None, "rate_limited").unwrap(),
            Rule::new(403, None, Some("Your plan"), "out_of_money").unwrap(),
            Rule::new(418, None, None, "overloaded").unwrap(),
        ];
        let judge = |status, body: &[u8]| {
            let heard = Heard::answer(Endpoint::Inference, status, &|_| None, body);
            fault(&rules, &heard).as_str()
        };
        assert_eq!(judge(400, br#"{"code":"quota.daily"}"#), "rate_limited");
        assert_eq!(judge(400, br#"{"code":"other"}"#), "bad_request");
        assert_eq!(
            judge(403, br#"{"message":"Your plan ended"}"#),
            "out_of_money"
        );
        assert_eq!(judge(403, br#"{"message":"No"}"#), "model_denied");
        assert_eq!(judge(418, b""), "overloaded");
    }

    #[test]
    fn what_is_no_rule_says_why() {
        let error = |status, charged| Rule::new(status, None, None, charged).unwrap_err();
        assert_eq!(error(200, "broken"), RuleError::NoError { status: 200 });
        let unknown = error(400, "client_left").to_string();
        assert!(unknown.contains("write one of rate_limited"), "{unknown}");
    }
}
