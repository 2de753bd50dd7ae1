import { render } from "preact";
import { App } from "./app";
import { greet } from "./state/server";
import { restore } from "./state/queue";
import { applySettings } from "./state/settings";
import "./style/fonts.css";
import "./style/base.css";
import "./style/parts.css";
import "./style/views.css";

applySettings();
render(<App />, document.getElementById("app")!);
performance.mark("verilens-interactive");
void greet();
void restore();
