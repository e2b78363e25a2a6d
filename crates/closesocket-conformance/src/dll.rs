//! The DLL above a provider.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use closesocket::engine::{Descriptor, ProcessId, UpcallFailed, Upcalls};

type Hook = Box<dyn Fn(ProcessId, Descriptor) + Send + Sync>;

/// The DLL above the provider. It records each handle that it is given back.
#[derive(Default)]
pub(crate) struct Dll {
    returned: Mutex<Vec<(ProcessId, Descriptor)>>,
    fails: AtomicBool,
    hook: Mutex<Option<Arc<Hook>>>,
}

impl Dll {
    pub(crate) fn returned(&self) -> Vec<(ProcessId, Descriptor)> {
        self.returned.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.returned.lock().unwrap().len()
    }

    pub(crate) fn fail(&self, fails: bool) {
        self.fails.store(fails, Ordering::SeqCst);
    }

    /// Runs this inside each upcall.
    pub(crate) fn during(&self, hook: impl Fn(ProcessId, Descriptor) + Send + Sync + 'static) {
        *self.hook.lock().unwrap() = Some(Arc::new(Box::new(hook)));
    }
}

/// How the provider reaches it.
pub(crate) struct ToDll(pub(crate) Arc<Dll>);

impl Upcalls for ToDll {
    fn close_socket_handle(
        &self,
        process: ProcessId,
        descriptor: Descriptor,
    ) -> Result<(), UpcallFailed> {
        let hook = self.0.hook.lock().unwrap().clone();
        if let Some(hook) = hook {
            hook(process, descriptor);
        }
        self.0.returned.lock().unwrap().push((process, descriptor));
        if self.0.fails.load(Ordering::SeqCst) {
            Err(UpcallFailed)
        } else {
            Ok(())
        }
    }
}
