import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { asProblem } from "./api/problem";
import { readConfig } from "./config";
import { configure } from "./sign-in/session";
import "./styles.css";
import { ProblemNote } from "./ui/ProblemNote";

const root = createRoot(document.getElementById("studio") ?? document.body);

try {
  const config = await readConfig();
  configure(config);
  root.render(
    <StrictMode>
      <App config={config} />
    </StrictMode>,
  );
} catch (thrown) {
  root.render(
    <main>
      <ProblemNote problem={asProblem(thrown)} title="The studio cannot start" />
    </main>,
  );
}
