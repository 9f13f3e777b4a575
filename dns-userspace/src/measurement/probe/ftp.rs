//! FTP probe: does the server greet, and does it have a file?

use suppaftp::{FtpError, tokio::AsyncFtpStream};
use tokio::time::Instant;

use super::{Destination, errors::Failure, tcp};
use crate::{
    measurement::{
        metric::{Metric, milliseconds},
        sample::{Readings, Reason},
    },
    model::FtpFile,
};

/// The times until the connection is open, and until the server has greeted and, where a
/// `file` is asked for, said its size.
pub(super) async fn probe(
    destination: Destination,
    file: Option<&FtpFile>,
) -> Result<Readings, Failure> {
    let start = Instant::now();
    let stream = tcp::connect(destination).await?;
    let readings = Readings::time(Metric::ConnectTime, start.elapsed());
    let connected = AsyncFtpStream::connect_with_stream(stream).await;
    let mut control = connected.map_err(|error| failed("greeting", error))?;
    if let Some(file) = file {
        let login = control.login(&file.user, &file.password).await;
        login.map_err(|error| failed("USER and PASS", error))?;
        let size = control.size(&file.path).await;
        size.map_err(|error| failed("SIZE", error))?;
    }
    let response_ms = milliseconds(start.elapsed());
    // It has said what it was asked for; whether it parts politely is its own matter.
    let _ = control.quit().await;
    Ok(readings.with(Metric::ResponseTime, response_ms))
}

fn failed(call: &'static str, error: FtpError) -> Failure {
    match error {
        FtpError::ConnectionError(error) => Failure::of_exchange(call, &error),
        FtpError::UnexpectedResponse(response) => Failure::Target(Reason::Ftp {
            call,
            code: response.status.code(),
            said: String::from_utf8_lossy(&response.body).trim().to_owned(),
        }),
        error => Failure::of_exchange(call, &error),
    }
}
