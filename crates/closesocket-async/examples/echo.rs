//! An echo server for tasks: `cargo run --example echo`, and `nc` as the peer.
use closesocket::engine::Provider;
use closesocket_async::AsyncListener;
use closesocket_tcp::Tcp;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let process = Provider::over(Tcp::new()?).startup()?;
    let listener = AsyncListener::bind(&process, &"127.0.0.1:0".parse()?)?;
    println!("listening on {}", listener.get_ref().local_address()?);
    loop {
        let (stream, peer) = listener.accept().await?;
        tokio::spawn(async move {
            let (mut reader, mut writer) = tokio::io::split(stream);
            let echoed = tokio::io::copy(&mut reader, &mut writer).await;
            let closed = reader.unsplit(writer).close().await;
            println!("{peer:?}: {echoed:?}, {closed:?}");
        });
    }
}
