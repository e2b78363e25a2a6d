//! Two processes share a socket; one closes it while the other goes on.

use closesocket::engine::{Error, Provider, completions::Notify, net::MemoryAddress};

fn main() -> Result<(), Error> {
    let provider = Provider::in_memory(); // or Provider::over(Tcp::new()?)
    let peers = provider.transport().listen(MemoryAddress(1))?;
    let (parent, child) = (provider.startup()?, provider.startup()?);
    let ours = parent.socket()?;
    parent.connect_overlapped(ours, &peers.address(), Notify::nobody())?;
    let _peer = peers.accept().ok_or(Error::NotConnected)?;
    let theirs = child.redeem(parent.duplicate(ours, child.id())?)?;
    parent.close(ours)?; // not the last reference: the connection stays as it is
    println!("sent {} bytes", child.send(theirs, b"still here")?);
    child.close(theirs)?; // the last one: what is queued is sent, then the FIN
    Ok(())
}
