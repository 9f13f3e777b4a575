//! The servers that are measured.

use std::net::SocketAddr;

use xtask::lab::{HttpServer, http::Response};

use super::world::{World, origin};

/// A web server, at both its addresses.
pub(crate) struct Origin {
    servers: Vec<HttpServer>,
}

impl Origin {
    /// `s<number>`, well.
    pub(crate) fn start(world: &World, number: u8) -> Self {
        let servers = origin(number).map(|address| {
            let body = Response::ok(format!("s{number}"));
            HttpServer::start(&world.dns, SocketAddr::new(address, 80), body).expect("it listens")
        });
        Self {
            servers: servers.into(),
        }
    }

    /// From now on, its connections are refused.
    pub(crate) fn stop(self) {
        for server in self.servers {
            server.stop().expect("it stops");
        }
    }

    /// Answers differently from now on.
    pub(crate) fn respond(&self, response: &Response) {
        for server in &self.servers {
            server.respond(response.clone());
        }
    }

    /// Requests answered so far, at its IPv4 address.
    pub(crate) fn requests(&self) -> u64 {
        self.servers[0].requests()
    }
}
