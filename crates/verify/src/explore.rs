//! `cargo verify explore`: stateright's Explorer on a scenario.

use std::net::{SocketAddr, TcpListener};

use closesocket_models::{CloseModel, DefectSpec, ExplorerModel, SCENARIOS};
use stateright::Model;

use crate::Outcome;
use crate::check::find;

/// Serves until it is stopped.
pub(crate) fn command(
    scenario: Option<&str>,
    defect: Option<&str>,
    address: SocketAddr,
) -> Outcome {
    let model = match choose(scenario, defect) {
        Ok(model) => model,
        Err(unknown) => {
            eprintln!("error: {unknown}; see `cargo verify list`");
            return Outcome::Usage;
        }
    };
    // stateright panics when the address is taken, so it is tried first.
    if let Err(error) = TcpListener::bind(address) {
        eprintln!("error: cannot serve at {address}: {error}; give another with --address");
        return Outcome::Usage;
    }
    if std::path::Path::new("ui").exists() {
        // stateright would serve that folder in place of its own page.
        eprintln!(
            "error: there is a folder `ui` here, which would replace the Explorer; run this elsewhere"
        );
        return Outcome::Usage;
    }
    let defect = defect.map_or_else(String::new, |name| format!(", with the defect {name}"));
    println!(
        "exploring {}{defect} at http://{address}/ (Ctrl-C ends it)",
        model.scenario.name
    );
    // Returns only if the server fails.
    drop(ExplorerModel(model).checker().serve(address));
    Outcome::AsExpected
}

fn choose(scenario: Option<&str>, defect: Option<&str>) -> Result<CloseModel, String> {
    if let Some(name) = defect {
        let spec = DefectSpec::named(name).ok_or_else(|| format!("there is no defect `{name}`"))?;
        return Ok(CloseModel::new(find(spec.scenario)?, Some(spec.defect)));
    }
    let scenario = match scenario {
        Some(name) => find(name)?,
        None => SCENARIOS.first().ok_or("there are no scenarios")?,
    };
    Ok(CloseModel::new(scenario, None))
}
