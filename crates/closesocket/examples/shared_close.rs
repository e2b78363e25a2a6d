//! Two processes share a socket; one closes while the other goes on.

use closesocket::engine::{Error, MemoryAddress, Provider};

fn main() -> Result<(), Error> {
    let provider = Provider::in_memory();
    let listener = provider.transport().listen(MemoryAddress(1))?;
    let (parent, child) = (provider.startup()?, provider.startup()?);
    let ours = parent.socket()?;
    parent.set_nonblocking(ours, true)?;
    let _ = parent.connect(ours, &MemoryAddress(1)); // goes on until accepted
    let peer = listener.accept();
    let theirs = child.redeem(parent.duplicate(ours, child.id())?)?;
    parent.close(ours)?; // not the last reference: nothing happens to the connection
    assert_eq!(parent.recv(ours, &mut [0; 8]), Err(Error::NotSocket));
    child.send(theirs, b"still here")?;
    child.close(theirs)?; // the last one: what is queued is sent, then the FIN
    println!("the peer received {:?}", peer.map(|peer| peer.read_all()));
    Ok(())
}
