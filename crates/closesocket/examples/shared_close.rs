//! Two processes share a socket; one closes it while the other goes on.

use closesocket::engine::{Error, Provider, net::MemoryAddress};
use closesocket::{Listener, Stream};

fn main() -> Result<(), Error> {
    let provider = Provider::in_memory(); // or Provider::over(Tcp::new()?)
    let (parent, child) = (provider.startup()?, provider.startup()?);
    let listener = Listener::bind(&parent, &MemoryAddress(1))?;
    let ours = Stream::connect(&parent, &MemoryAddress(1))?;
    let (_peer, _) = listener.accept()?;
    let theirs = ours.duplicate_to(&child)?;
    println!("{:?}", ours.close()?); // Shared: the connection stays as it is
    println!("sent {} bytes", theirs.send(b"still here")?);
    println!("{:?}", theirs.close()?); // Drained: all was sent, then the FIN
    Ok(())
}
