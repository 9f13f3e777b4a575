//! The queries that the daemon tells meanwhile.

use std::{
    path::PathBuf,
    sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel},
    thread,
};

use super::PATIENCE;
use crate::{
    control::client::{Client, Tail},
    queries::{TailRequest, Told},
    top::Top,
};

/// Queries that may wait to be counted: some tenths of a second of them. More are lost to
/// the daemon's own count of what was not read in time.
const WAITING: usize = 65_536;

/// A thread that reads them, while there is one.
pub(super) struct Watch {
    socket: PathBuf,
    reading: Option<Reading>,
}

struct Reading {
    one_in: u32,
    told: Receiver<Told>,
}

impl Watch {
    pub(super) fn new(socket: PathBuf) -> Self {
        Self {
            socket,
            reading: None,
        }
    }

    /// Has `top` count what has come; whether queries are told at all.
    pub(super) fn drain(&mut self, top: &mut Top) -> bool {
        if let Some(Reading { one_in, told }) = &self.reading {
            loop {
                match told.try_recv() {
                    Ok(told) => top.told(&told, *one_in),
                    Err(TryRecvError::Empty) => return true,
                    Err(TryRecvError::Disconnected) => break,
                }
            }
        }
        // None are told, or another daemon tells them: it is asked again at each look.
        self.reading = self.read();
        false
    }

    fn read(&self) -> Option<Reading> {
        let client = Client::connect(&self.socket, PATIENCE).ok()?;
        let tail = client.tail(TailRequest::default()).ok()?;
        let one_in = tail.one_in();
        let (sender, told) = sync_channel(WAITING);
        thread::spawn(move || forward(tail, &sender));
        Some(Reading { one_in, told })
    }
}

/// Hands on what `tail` tells, until it or whoever counts is gone.
fn forward(mut tail: Tail, sender: &SyncSender<Told>) {
    while let Ok(told) = tail.wait() {
        if sender.send(told).is_err() {
            return;
        }
    }
}
