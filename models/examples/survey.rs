use closesocket_models::*;
fn main() {
    let only: Option<String> = std::env::args().nth(1);
    let mut total = 0;
    let mut secs = 0.0;
    for s in SCENARIOS {
        if only.as_ref().is_some_and(|o| o != s.name && o != "defects") {
            continue;
        }
        if only.as_deref() == Some("defects") {
            break;
        }
        let o = check(s, None);
        total += o.unique_states;
        secs += o.seconds;
        println!(
            "{:34} {:>9} {:>9} d{:>3} {:6.2}s {:?}",
            o.scenario,
            o.unique_states,
            o.transitions,
            o.depth,
            o.seconds,
            o.violated()
        );
        for (_, v) in &o.verdicts {
            if let Verdict::Violated(c) = v {
                for l in c.sentences() {
                    println!("   {l}");
                }
                println!("{:#?}", c.states.last());
                break;
            }
        }
    }
    println!("total {total} {secs:.1}s");
    if only.as_deref() == Some("defects") {
        for d in DEFECTS {
            let o = check(Scenario::named(d.scenario).unwrap(), Some(d.defect));
            println!(
                "{} {} {:?} {:.1}s",
                d.name,
                d.scenario,
                o.violated(),
                o.seconds
            );
        }
    }
}
