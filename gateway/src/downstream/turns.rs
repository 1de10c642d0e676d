//! Lets others have their turn while a client's HTTP/2 connection is read from.
//!
//! A connection reads frames as long as there are any. A client that needs no key can send them faster
//! than they are read, a hundred thousand pings in what one task may read at a time, and whoever waits
//! behind it on the same thread waits for all of them, and again behind the next such client. So after
//! some reads without a pause it goes to the end of the line. Whoever sends a body notices nothing: that is
//! as much as its window has room for.

use std::io::Result;

use crate::framing::tapped::Watch;

/// Reads without a pause, of some KiB each.
const READS_MAX: u32 = 8;

/// Counts reads.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    reads: u32,
}

impl Watch for Turns {
    fn came(&mut self, _: &[u8]) -> Result<()> {
        self.reads += 1;
        Ok(())
    }

    fn gives_way(&mut self) -> bool {
        let gives_way = self.reads >= READS_MAX;
        if gives_way {
            self.reads = 0;
        }
        gives_way
    }

    fn waits(&mut self) {
        self.reads = 0;
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::framing::tapped::Tapped;

    #[tokio::test]
    async fn who_sends_without_a_pause_gives_way_to_others() {
        let (mut client, server) = tokio::io::duplex(1 << 20);
        let mut connection = Tapped::new(Box::new(server), Turns::default());
        client.write_all(&[0; 100]).await.expect("there is room");
        let mut piece = [0; 1];
        for turn in 0..3 {
            for _ in 0..READS_MAX {
                let read = connection.read(&mut piece).now_or_never();
                assert_eq!(read.expect("it is there").ok(), Some(1), "{turn}");
            }
            let mut read = Box::pin(connection.read(&mut piece));
            assert!(read.as_mut().now_or_never().is_none(), "{turn}");
            // It is woken at once, and gets the rest.
            assert_eq!(read.await.ok(), Some(1), "{turn}");
            connection.watch.waits();
        }
    }
}
