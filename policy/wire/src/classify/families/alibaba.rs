//! Alibaba's Model Studio (`DashScope`).

use crate::classify::row::Charge::{BadRequest, ModelDenied, OutOfMoney, RampLimited, RateLimited};
use crate::classify::row::Says::{Begins, Code};
use crate::classify::row::{Family, RIGHTS, Row, STATES, status};

const CODES: &str = "Alibaba Cloud Model Studio, Error codes";
const LIMITS: &str = "Alibaba Cloud Model Studio, Rate limits";

pub(super) const ALIBABA: Family = Family {
    name: "Alibaba (DashScope)",
    rows: &[
        Row::new(
            STATES,
            Code(&["arrearage", "prepaidbilloverdue", "postpaidbilloverdue"]),
            OutOfMoney,
            CODES,
        ),
        Row::new(
            status![429],
            Code(&["throttling.burstrate"]),
            RampLimited,
            CODES,
        ),
        // In OpenAI's form the code of a minute's limit is `insufficient_quota`: the words tell.
        Row::new(
            status![429],
            Begins(&["request rate increased too quickly"]),
            RampLimited,
            LIMITS,
        ),
        Row::new(
            status![429],
            Begins(&[
                "allocated quota exceeded",
                "requests rate limit exceeded",
                "you exceeded your current requests list",
            ]),
            RateLimited,
            LIMITS,
        ),
        Row::new(
            status![429],
            Code(&[
                "throttling",
                "throttling.ratequota",
                "throttling.allocationquota",
                "limitrequests",
            ]),
            RateLimited,
            CODES,
        ),
        Row::new(
            RIGHTS,
            Code(&[
                "allocationquota.freetieronly",
                "accessdenied.unpurchased",
                "model.accessdenied",
                "workspace.accessdenied",
            ]),
            ModelDenied,
            CODES,
        ),
        Row::new(
            status![400],
            Code(&["datainspectionfailed", "data_inspection_failed"]),
            BadRequest,
            CODES,
        ),
    ],
};
