//! Several processes: how they meet, and how it is noticed that one is gone.

use std::any::Any;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use timely::communication::Hooks;
use timely::communication::allocator::zero_copy::initialize::initialize_networking_from_sockets;
use timely::communication::allocator::zero_copy::stream::Stream;
use timely::communication::allocator::{AllocatorBuilder, ProcessBuilder};

use crate::options::{Cluster, Options};
use crate::report::Failure;
use crate::shared::Shared;

const PAUSE: Duration = Duration::from_millis(20);
/// How long this process may be behind one that has ended.
const BEHIND: Duration = Duration::from_secs(3);
/// How long a connection may take to say who it is.
const HELLO: Duration = Duration::from_secs(5);
const MAGIC: &[u8; 8] = b"frontr01";

/// Meets the other processes.
pub(crate) fn builders(
    cluster: &Cluster,
    options: &Options,
    shared: &Arc<Shared>,
) -> Result<(Vec<AllocatorBuilder>, Box<dyn Any + Send>), Failure> {
    let sockets = meet(cluster, options)?.into_iter().enumerate();
    let watched = sockets.map(|(process, stream)| {
        stream.map(|stream| Watched {
            stream,
            process,
            shared: Arc::clone(shared),
        })
    });
    let hooks = Hooks::default();
    let workers = ProcessBuilder::new_typed_vector(options.workers, hooks.refill.clone(), None);
    let built = initialize_networking_from_sockets(
        workers,
        watched.collect(),
        cluster.process,
        options.workers,
        hooks,
    );
    let (builders, guard) = built.map_err(|error| Failure::Meeting(error.to_string()))?;
    let builders = builders.into_iter().map(AllocatorBuilder::Tcp).collect();
    Ok((builders, Box::new(guard)))
}

/// A connection to each other process: this one calls those before it, and is called
/// by those behind it.
fn meet(cluster: &Cluster, options: &Options) -> Result<Vec<Option<TcpStream>>, Failure> {
    let (addresses, me) = (&cluster.addresses, cluster.process);
    let Some(own) = addresses.get(me) else {
        let (count, last) = (addresses.len(), addresses.len().saturating_sub(1));
        let why = format!("there are {count} processes, 0 to {last}: none is {me}");
        return Err(Failure::Meeting(why));
    };
    let said = format!("{} workers {}", options.workers, options.name);
    let listening = TcpListener::bind(own).and_then(|it| {
        it.set_nonblocking(true)?;
        Ok(it)
    });
    let listener =
        listening.map_err(|error| Failure::Meeting(format!("{own} cannot be had: {error}")))?;
    let deadline = Instant::now() + cluster.patience;
    let mut sockets: Vec<Option<TcpStream>> = addresses.iter().map(|_| None).collect();
    while let Some(missing) = (0..addresses.len()).find(|&it| it != me && sockets[it].is_none()) {
        if Instant::now() > deadline {
            let address = &addresses[missing];
            let why = format!("process {missing} at {address} did not come");
            return Err(Failure::Meeting(why));
        }
        let met = if missing < me {
            TcpStream::connect(&addresses[missing]).and_then(|it| greet(it, me, &said))
        } else {
            listener.accept().and_then(|(it, _)| greet(it, me, &said))
        };
        let Ok((stream, process, theirs)) = met else {
            thread::sleep(PAUSE);
            continue;
        };
        if theirs != said {
            let why = format!("process {process} has {theirs:?}, this one {said:?}");
            return Err(Failure::Meeting(why));
        }
        if process != me && process < sockets.len() && (missing > me || process == missing) {
            sockets[process] = Some(stream);
        } else {
            let why = format!("process {process} came where {missing} was expected");
            return Err(Failure::Meeting(why));
        }
    }
    Ok(sockets)
}

/// Both sides say which process they are, and what they search.
fn greet(stream: TcpStream, me: usize, said: &str) -> io::Result<(TcpStream, usize, String)> {
    stream.set_nonblocking(false)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(HELLO))?;
    let mut hello = MAGIC.to_vec();
    for number in [me, said.len()] {
        hello.extend((number as u64).to_le_bytes());
    }
    hello.extend(said.as_bytes());
    (&stream).write_all(&hello)?;
    let mut head = [0; 24];
    (&stream).read_exact(&mut head)?;
    let (numbers, _) = head.as_chunks::<8>();
    let number = |at: usize| usize::try_from(u64::from_le_bytes(numbers[at])).unwrap_or(usize::MAX);
    if &numbers[0] != MAGIC || number(2) > 1 << 16 {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut theirs = vec![0; number(2)];
    (&stream).read_exact(&mut theirs)?;
    stream.set_read_timeout(None)?;
    let theirs = String::from_utf8_lossy(&theirs).into_owned();
    Ok((stream, number(1), theirs))
}

/// A connection whose end before that of the search ends the search.
struct Watched {
    stream: TcpStream,
    process: usize,
    shared: Arc<Shared>,
}

impl Watched {
    /// The other side is gone. If this one is through as well, soon or already, all
    /// is well.
    fn is_over(&self) -> bool {
        let deadline = Instant::now() + BEHIND;
        while !self.shared.is_over() && !self.shared.stops() && Instant::now() < deadline {
            thread::sleep(PAUSE);
        }
        if self.shared.is_over() {
            return true;
        }
        self.shared.fail(Failure::Lost(self.process));
        false
    }
}

impl Read for Watched {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        match self.stream.read(to) {
            Ok(some) if some > 0 => return Ok(some),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        if self.is_over() {
            return Ok(0);
        }
        // timely would panic here, to no use: whoever waits for the search has been
        // told, and this thread ends with its process.
        loop {
            thread::park();
        }
    }
}

impl Write for Watched {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        match self.stream.write(from) {
            Ok(some) if some > 0 => Ok(some),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            _ => {
                // Nobody is there to read it; the end of it all comes with the read.
                self.is_over();
                Ok(from.len())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Watched {
    fn try_clone(&self) -> io::Result<Self> {
        Ok(Self {
            stream: self.stream.try_clone()?,
            process: self.process,
            shared: Arc::clone(&self.shared),
        })
    }

    fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.stream.set_nonblocking(nonblocking)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        // The other side may have gone before.
        let _ = self.stream.shutdown(how);
        Ok(())
    }
}
