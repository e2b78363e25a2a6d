//! How far a search is, in a file: written between layers, when nothing is under
//! way, under another name, and renamed when all of it is there.
//!
//! Numbers of 64 bits, little end first: what it is of; then from each worker what
//! it has counted and found, its fingerprints, and its states that wait; last a sum
//! over all. Who takes it up may have another number of workers.

use std::fs::{self, File};
use std::hash::Hash;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::bytes::{Codec, Wire as _};
use crate::options::{Checkpoint, Options};
use crate::report::Failure;
use crate::share::{Finding, Share};

const MAGIC: u64 = u64::from_le_bytes(*b"frontr01");
/// Behind a worker's part comes another's, or the sum.
const MORE: u64 = 1;
const END: u64 = 0;

/// Writes and takes up checkpoints, if any are wanted.
pub(crate) struct Keeper<S, C> {
    kept: Option<Checkpoint>,
    name: String,
    paths: bool,
    last: Instant,
    open: Option<Summed<BufWriter<File>>>,
    /// Parts that are in it.
    parts: usize,
    states: PhantomData<(fn() -> S, C)>,
}

impl<S: Clone + Hash, C: Codec<S>> Keeper<S, C> {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            kept: options.checkpoint.clone(),
            name: options.name.clone(),
            paths: options.paths,
            last: Instant::now(),
            open: None,
            parts: 0,
            states: PhantomData,
        }
    }

    /// Whether one is wanted now.
    pub(crate) fn is_due(&self) -> bool {
        let kept = self.kept.as_ref();
        kept.is_some_and(|it| self.last.elapsed() >= it.every)
    }

    fn unfinished(file: &Path) -> PathBuf {
        let mut name = file.as_os_str().to_owned();
        name.push(".part");
        name.into()
    }

    /// Writes the part of one of so many workers, between two layers.
    pub(crate) fn write(&mut self, share: &Share<S>, workers: usize) -> Result<(), Failure> {
        if self.parts == 0 {
            self.begin()?;
        }
        self.write_part(share)?;
        self.parts += 1;
        if self.parts == workers {
            self.parts = 0;
            self.commit()?;
        }
        Ok(())
    }

    /// Opens a new one.
    fn begin(&mut self) -> Result<(), Failure> {
        let Some(kept) = &self.kept else {
            return Ok(());
        };
        let file = File::create(Self::unfinished(&kept.file)).map_err(failed(&kept.file))?;
        let mut to = Summed::new(BufWriter::new(file));
        let put = |to: &mut Summed<_>| {
            to.put(MAGIC)?;
            to.put(u64::from(self.paths))?;
            to.put_bytes(self.name.as_bytes())
        };
        put(&mut to).map_err(failed(&kept.file))?;
        self.open = Some(to);
        Ok(())
    }

    fn write_part(&mut self, share: &Share<S>) -> Result<(), Failure> {
        let (Some(kept), Some(to)) = (&self.kept, &mut self.open) else {
            return Ok(());
        };
        write_share::<S, C>(to, share).map_err(failed(&kept.file))
    }

    /// All parts are there.
    fn commit(&mut self) -> Result<(), Failure> {
        let (Some(kept), Some(mut to)) = (&self.kept, self.open.take()) else {
            return Ok(());
        };
        let mut finish = || {
            to.put(END)?;
            let sum = to.sum;
            to.put(sum)?;
            to.inner.flush()?;
            to.inner.get_ref().sync_all()?;
            fs::rename(Self::unfinished(&kept.file), &kept.file)
        };
        finish().map_err(failed(&kept.file))?;
        self.last = Instant::now();
        Ok(())
    }

    /// The search is complete.
    pub(crate) fn remove(&self) -> Result<(), Failure> {
        let Some(kept) = &self.kept else {
            return Ok(());
        };
        match fs::remove_file(&kept.file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(&kept.file)(error)),
            _ => Ok(()),
        }
    }

    /// Takes up what of a checkpoint is `mine`; whether there is one. What is counted
    /// once goes to the `first`.
    pub(crate) fn restore(
        &self,
        share: &mut Share<S>,
        first: bool,
        mine: impl Fn(u64) -> bool,
    ) -> Result<bool, Failure> {
        let Some(kept) = &self.kept else {
            return Ok(false);
        };
        let file = match File::open(&kept.file) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(failed(&kept.file)(error)),
        };
        let not_this = |why| Failure::NotThis {
            file: kept.file.clone(),
            why,
        };
        let damaged = |error: io::Error| match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => not_this("is damaged"),
            _ => failed(&kept.file)(error),
        };
        let mut from = Summed::new(BufReader::new(file));
        if from.take().map_err(damaged)? != MAGIC {
            return Err(not_this("is no checkpoint"));
        }
        let paths = from.take().map_err(damaged)? != 0;
        let name = from.take_bytes().map_err(damaged)?;
        if name != self.name.as_bytes() || paths != self.paths {
            return Err(not_this("is the checkpoint of another search"));
        }
        read_shares::<S, C>(&mut from, share, first, mine).map_err(damaged)?;
        Ok(true)
    }
}

fn failed(file: &Path) -> impl Fn(io::Error) -> Failure {
    let file = file.to_owned();
    move |error| Failure::File {
        file: file.clone(),
        error,
    }
}

fn write_share<S: Clone + Hash, C: Codec<S>>(
    to: &mut Summed<impl Write>,
    share: &Share<S>,
) -> io::Result<()> {
    to.put(MORE)?;
    to.put(u64::from(share.layer))?;
    to.put(u64::from(share.depth))?;
    to.put(share.transitions as u64)?;
    to.put(share.found.len() as u64)?;
    for it in &share.found {
        for number in it.numbers() {
            to.put(number)?;
        }
    }
    to.put(share.unique as u64)?;
    for (fingerprint, parent) in share.table.entries() {
        to.put(fingerprint)?;
        if share.with_parents {
            to.put(parent)?;
        }
    }
    to.put(share.now.len() as u64)?;
    let mut bytes = Vec::new();
    for (fingerprint, state) in share.now.fingerprinted() {
        bytes.clear();
        C::write(state, &mut bytes);
        to.put(fingerprint)?;
        to.put_bytes(&bytes)?;
    }
    Ok(())
}

fn read_shares<S: Clone + Hash, C: Codec<S>>(
    from: &mut Summed<impl Read>,
    share: &mut Share<S>,
    first: bool,
    mine: impl Fn(u64) -> bool,
) -> io::Result<()> {
    while from.take()? == MORE {
        share.layer = narrow(from.take()?)?;
        share.depth = share.depth.max(narrow(from.take()?)?);
        let transitions = from.take()?;
        share.transitions += if first { wide(transitions)? } else { 0 };
        for _ in 0..from.take()? {
            let mut numbers = [0; Finding::NUMBERS];
            for number in &mut numbers {
                *number = from.take()?;
            }
            share.known |= 1 << (numbers[0] % 128);
            if first {
                share.found.push(Finding::of_numbers(numbers));
            }
        }
        for _ in 0..from.take()? {
            let fingerprint = from.take()?;
            let parent = if share.with_parents { from.take()? } else { 0 };
            if mine(fingerprint) {
                share.table.insert(fingerprint.max(1), parent);
                share.unique += 1;
            }
        }
        for _ in 0..from.take()? {
            let fingerprint = from.take()?;
            let bytes = from.take_bytes()?;
            if mine(fingerprint) {
                let state = C::read(&mut bytes.as_slice()).ok_or_else(invalid)?;
                share.now.push(state);
            }
        }
    }
    let sum = from.sum;
    if from.take()? == sum {
        Ok(())
    } else {
        Err(invalid())
    }
}

fn invalid() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

fn narrow(number: u64) -> io::Result<u32> {
    number.try_into().map_err(|_| invalid())
}

fn wide(number: u64) -> io::Result<usize> {
    number.try_into().map_err(|_| invalid())
}

/// Numbers, and a sum over all of them.
struct Summed<T> {
    inner: T,
    sum: u64,
}

impl<T> Summed<T> {
    const fn new(inner: T) -> Self {
        Self { inner, sum: 0 }
    }

    fn add(&mut self, number: u64) {
        self.sum = (self.sum.rotate_left(5) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl<T: Write> Summed<T> {
    fn put(&mut self, number: u64) -> io::Result<()> {
        self.add(number);
        self.inner.write_all(&number.to_le_bytes())
    }

    fn put_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.put(bytes.len() as u64)?;
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.put(u64::from_le_bytes(word))?;
        }
        Ok(())
    }
}

impl<T: Read> Summed<T> {
    fn take(&mut self) -> io::Result<u64> {
        let mut bytes = [0; 8];
        self.inner.read_exact(&mut bytes)?;
        let number = u64::from_le_bytes(bytes);
        self.add(number);
        Ok(number)
    }

    fn take_bytes(&mut self) -> io::Result<Vec<u8>> {
        let len = wide(self.take()?)?;
        let mut bytes = Vec::new();
        while bytes.len() < len {
            self.take()?.write(&mut bytes);
        }
        bytes.truncate(len);
        Ok(bytes)
    }
}
