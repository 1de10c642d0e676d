//! `keyweir top`: what a gateway that runs is doing, in a terminal, each second.

mod screen;
mod terminal;

use std::io::{IsTerminal, Write};
use std::time::Duration;

use serde_json::Value;

use self::screen::Screen;
use self::terminal::{Key, Terminal};
use crate::command::admin_client::AdminAddress;
use crate::command::failed::Failed;

/// How often it asks.
const EVERY: Duration = Duration::from_secs(1);

/// The size of a picture that goes to no terminal: nothing of a line is cut off.
const SIZE: (usize, usize) = (1_000, 200);

/// What `top` may be told.
#[derive(Debug, clap::Args)]
pub(crate) struct Top {
    /// Print one picture and end; so it does where standard output is no terminal.
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    admin: AdminAddress,
}

impl Top {
    /// Shows it until `q`, Escape or an interrupt.
    pub(crate) fn run(&self) -> Result<(), Failed> {
        let mut screen = Screen::default();
        let first = self.status()?;
        if self.once || !std::io::stdout().is_terminal() {
            let picture = screen.draw(&first, SIZE).join("\n");
            let _ = writeln!(std::io::stdout(), "{picture}");
            return Ok(());
        }
        let terminal = Terminal::take()?;
        let mut status = Ok(first);
        loop {
            let lines = match &status {
                Ok(status) => {
                    let mut lines = screen.draw(status, terminal.size());
                    lines.push("s sorts, q ends".to_owned());
                    lines
                }
                Err(Failed::Because(why)) => vec![why.clone(), "asking again; q ends".to_owned()],
                Err(_) => Vec::new(),
            };
            terminal.show(&lines)?;
            match terminal.key(EVERY)? {
                Some(Key::End) => return Ok(()),
                Some(Key::Sort) => screen.sort_differently(),
                None => status = self.status(),
            }
        }
    }

    fn status(&self) -> Result<Value, Failed> {
        let answer = self.admin.ask("GET", "/status")?;
        Ok(serde_json::from_str(&answer)?)
    }
}
