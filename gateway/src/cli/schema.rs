//! `keyweir schema`: the JSON Schema of policy files.

use std::io::Write;

use keyweir_policy::config::file::schema;

use crate::command::failed::Failed;

/// What `schema` may be told: nothing.
#[derive(Debug, clap::Args)]
pub(super) struct Schema {}

impl Schema {
    /// Prints the schema.
    pub(super) fn run(self) -> Result<(), Failed> {
        std::io::stdout().write_all(schema().as_bytes())?;
        Ok(())
    }
}
