//! Queries to one who watches, until they hang up.

use std::{io, pin::pin};

use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, copy, sink},
    select,
};

use super::connection::encode;
use crate::queries::{Tailing, Told, Watching};

/// Writes what is told, a line each, for as long as `read` is open. A caller that does not
/// take it is waited for by nobody but this.
pub(super) async fn tell(
    mut watching: Watching,
    mut read: impl AsyncRead + Unpin,
    mut write: impl AsyncWrite + Unpin,
) -> io::Result<()> {
    let one_in = watching.one_in();
    let mut line = encode(Ok(Tailing { one_in }));
    let mut nothing = sink();
    // Nothing more is expected of the caller.
    let mut hung_up = pin!(copy(&mut read, &mut nothing));
    loop {
        let told = async {
            write.write_all(&line).await?;
            Ok::<_, io::Error>(watching.next().await)
        };
        let told = select! {
            _ = &mut hung_up => return Ok(()),
            told = told => told?,
        };
        match told {
            Some(told) => line = encoded(&told),
            None => return Ok(()),
        }
    }
}

fn encoded(told: &Told) -> Vec<u8> {
    let mut line = serde_json::to_vec(told).expect("text and numbers, which JSON has");
    line.push(b'\n');
    line
}
