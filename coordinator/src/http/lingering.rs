//! Connections that end so that the last answer arrives.
//!
//! A socket that is closed while the peer still sends is reset, and a reset discards the answer on its
//! way (RFC 9112 §9.6). So a connection here closes its sending half first and reads on, throwing away
//! what comes, until the peer closes, too much came, or too long passed.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Sleep, sleep};

/// The most bytes that are thrown away after the last answer.
const MOST_BYTES: usize = 64 * 1024 * 1024;
/// The longest wait for the peer's end after the last answer.
const LONGEST: Duration = Duration::from_secs(5);
/// Bytes thrown away at a time.
const CHUNK: usize = 16 * 1024;

/// Accepts connections that linger.
#[derive(Debug)]
pub(super) struct Lingering(pub(super) TcpListener);

impl Listener for Lingering {
    type Io = Connection;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        (Connection::new(stream), address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

/// A connection that reads on after it said its last.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    ending: Option<Ending>,
}

#[derive(Debug)]
struct Ending {
    bytes_left: usize,
    over: Pin<Box<Sleep>>,
}

impl Connection {
    fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            ending: None,
        }
    }

    fn stream(self: Pin<&mut Self>) -> Pin<&mut TcpStream> {
        Pin::new(&mut self.get_mut().stream)
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream().poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream().poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream().poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let connection = self.get_mut();
        if connection.ending.is_none() {
            ready!(Pin::new(&mut connection.stream).poll_shutdown(context))?;
        }
        let ending = connection.ending.get_or_insert_with(|| Ending {
            bytes_left: MOST_BYTES,
            over: Box::pin(sleep(LONGEST)),
        });
        let mut bytes = [0; CHUNK];
        while ending.bytes_left > 0 && ending.over.as_mut().poll(context).is_pending() {
            let mut buffer = ReadBuf::new(&mut bytes);
            match Pin::new(&mut connection.stream).poll_read(context, &mut buffer) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    ending.bytes_left = ending.bytes_left.saturating_sub(buffer.filled().len());
                }
                // The peer is done, or gone.
                Poll::Ready(_) => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}
