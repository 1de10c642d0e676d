//! Amazon Bedrock. It names the error in `x-amzn-errortype`, in `__type`, or in neither.

use crate::classify::row::Charge::{Broken, KeyRejected, ModelDenied, Overloaded, RateLimited};
use crate::classify::row::Says::{Code, Model};
use crate::classify::row::{BREAKDOWNS, Family, Row, status};

const ERRORS: &str = "Amazon Bedrock, Troubleshooting API error codes";
const COMMON: &str = "AWS, Common error types";

pub(super) const BEDROCK: Family = Family {
    name: "Amazon Bedrock",
    rows: &[
        Row::new(
            status![400, 429],
            Code(&["throttlingexception", "servicequotaexceededexception"]),
            RateLimited,
            ERRORS,
        ),
        Row::new(
            status![400, 401, 403],
            Code(&[
                "unrecognizedclientexception",
                "invalidsignatureexception",
                "expiredtokenexception",
                "invalidclienttokenid",
                "incompletesignature",
            ]),
            KeyRejected,
            COMMON,
        ),
        Row::new(
            status![400, 403, 404],
            Model(
                &[
                    "resourcenotfoundexception",
                    "accessdeniedexception",
                    "notauthorized",
                    "ftuformnotfilled",
                ],
                &[],
            ),
            ModelDenied,
            ERRORS,
        ),
        Row::new(
            status![408, 424],
            Code(&[
                "modeltimeoutexception",
                "modelerrorexception",
                "modelstreamerrorexception",
            ]),
            Broken,
            ERRORS,
        ),
        Row::new(
            status![429],
            Code(&["modelnotreadyexception"]),
            Overloaded,
            ERRORS,
        ),
        Row::new(
            BREAKDOWNS,
            Code(&["serviceunavailableexception"]),
            Overloaded,
            ERRORS,
        ),
    ],
};
