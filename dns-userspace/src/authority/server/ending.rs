//! The end of a server, as its tasks have a part in it.

use std::{convert::Infallible, sync};

use tokio::{
    net::TcpStream,
    sync::{mpsc, watch},
};

/// What a task of a worker has: the worker waits until all of them are gone.
#[derive(Clone)]
pub(in crate::authority) struct Ending {
    stopped: watch::Receiver<()>,
    leave: sync::mpsc::Sender<std::net::TcpStream>,
    _held: mpsc::Sender<Infallible>,
}

/// What the worker has.
pub(super) struct Ended(mpsc::Receiver<Infallible>);

impl Ending {
    /// Begins when the sender of `stopped` is gone; connections that are left go to `leave`.
    pub(super) fn new(
        stopped: watch::Receiver<()>,
        leave: sync::mpsc::Sender<std::net::TcpStream>,
    ) -> (Self, Ended) {
        let (held, all) = mpsc::channel(1);
        let ending = Self {
            stopped,
            leave,
            _held: held,
        };
        (ending, Ended(all))
    }

    /// Waits until no more queries are to be taken.
    pub(in crate::authority) async fn begins(&mut self) {
        let _ = self.stopped.changed().await;
    }

    /// Leaves a connection open, for another server.
    pub(in crate::authority) fn leave(&self, stream: TcpStream) {
        // Where nobody wants it, it is closed.
        if let Ok(stream) = stream.into_std() {
            let _ = self.leave.send(stream);
        }
    }
}

impl Ended {
    /// Waits until every [`Ending`] is gone.
    pub(super) async fn wait(mut self) {
        let _: Option<Infallible> = self.0.recv().await;
    }
}
