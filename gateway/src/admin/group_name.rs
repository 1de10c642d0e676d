//! A quota group and its kind of endpoint, in one label.

use keyweir_policy::pool::view::GroupView;

/// `inference:claude-sonnet`, or the endpoint alone where the group has no name.
pub(super) fn group_name(group: &GroupView) -> String {
    match group.group.as_str() {
        "" => group.endpoint.as_str().to_owned(),
        name => format!("{}:{name}", group.endpoint.as_str()),
    }
}
