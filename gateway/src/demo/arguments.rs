//! What the demonstration may be told.

/// What the demonstration may be told.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The port clients connect to, on 127.0.0.1; 0 takes a free one [default: 8080, or a free one
    /// if that is taken]
    #[arg(long)]
    pub(super) port: Option<u16>,
    /// What clients ask for in the calm, as a share of what all keys together can serve.
    #[arg(long, default_value_t = 0.6, value_parser = share)]
    pub(super) load: f64,
    /// Where the traffic's and the provider's draws come from.
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
    /// Ask nothing more after so many seconds, and end once what was asked is answered. Without it, Ctrl-C
    /// ends the demonstration.
    #[arg(long, value_parser = seconds)]
    pub(super) seconds: Option<f64>,
    /// Print lines, also where there is a terminal to draw on.
    #[arg(long)]
    pub(super) plain: bool,
}

fn share(text: &str) -> Result<f64, String> {
    bounded(text, 0.01, 20.0)
}

fn seconds(text: &str) -> Result<f64, String> {
    bounded(text, 0.1, 1e6)
}

fn bounded(text: &str, least: f64, most: f64) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(format!("a number from {least} to {most} is wanted")),
    }
}
