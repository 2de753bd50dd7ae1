import { useSignalEffect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Announcer, Line } from "./parts/basic";
import { KeyDialog } from "./parts/key";
import { ProblemNote } from "./parts/problem";
import { askKey, key } from "./state/key";
import { route, to } from "./state/route";
import { about, greet, serverFault } from "./state/server";
import { chooseLanguage, chooseTheme, language, theme, type Language, type Theme } from "./state/settings";
import { t } from "./words";
import { BatchView } from "./views/batch";
import { CompareView } from "./views/compare";
import { HistoryView } from "./views/history";
import { JobView } from "./views/job";
import { StartView } from "./views/start";

export function App() {
  useEffect(() => {
    const onStorage = () => void greet();
    addEventListener("online", onStorage);
    return () => removeEventListener("online", onStorage);
  }, []);
  useSignalEffect(() => {
    void route.value;
    scrollTo(0, 0);
  });
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>{t("nav.skip")}</a>
      <Masthead />
      <main id="main" tabIndex={-1}>
        {serverFault.value && <ProblemNote problem={serverFault.value} retry={() => void greet()} />}
        <View key={key.value ?? ""} />
      </main>
      <Foot />
      <Announcer />
      {askKey.value && <KeyDialog />}
    </>
  );
}

/** The address after # is the route, so the link moves the focus itself. */
function skip(event: MouseEvent): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

function View() {
  const now = route.value;
  switch (now.view) {
    case "job":
      return <JobView key={now.id} id={now.id} />;
    case "batch":
      return <BatchView key={now.id} id={now.id} />;
    case "history":
      return <HistoryView query={now.query} />;
    case "compare":
      return <CompareView a={now.a} b={now.b} />;
    default:
      return <StartView />;
  }
}

function Masthead() {
  const view = route.value.view;
  const links = [
    [to.start, "nav.check", view === "start"],
    [to.history(), "nav.history", view === "history"],
    [to.compare(), "nav.compare", view === "compare"],
  ] as const;
  return (
    <header class="masthead">
      <a class="brand" href={to.start} aria-label={t("nav.home")}>verilens</a>
      <nav aria-label={t("nav.label")}>
        {links.map(([address, word, isHere]) => (
          <a href={address} aria-current={isHere ? "page" : undefined}>{t(word)}</a>
        ))}
      </nav>
      <div class="settings">
        <LanguageSwitch />
        <ThemeSwitch />
        {(about.value?.auth || key.value) && (
          <button type="button" class="icon quiet" aria-label={t("key.title")} title={t("key.title")} onClick={() => (askKey.value = true)}>
            <Line name="key" />
          </button>
        )}
      </div>
    </header>
  );
}

const NAMES: Record<Language, string> = { en: "English", de: "Deutsch" };

function LanguageSwitch() {
  return (
    <div class="switch" role="group" aria-label={t("settings.language")}>
      {(["en", "de"] as const).map((one) => (
        <button type="button" lang={one} title={NAMES[one]} aria-pressed={language.value === one} onClick={() => chooseLanguage(one)}>
          {one.toUpperCase()}
          <span class="unseen"> {NAMES[one]}</span>
        </button>
      ))}
    </div>
  );
}

const THEMES: readonly Theme[] = ["auto", "light", "dark"];
const ICONS = { auto: "auto", light: "sun", dark: "moon" } as const;

function ThemeSwitch() {
  const next = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length]!;
  const label = t("settings.theme", { now: t(`theme.${theme.value}`), next: t(`theme.${next}`) });
  return (
    <button type="button" class="icon quiet" aria-label={label} title={label} onClick={() => chooseTheme(next)}>
      <Line name={ICONS[theme.value]} />
    </button>
  );
}

function Foot() {
  const hours = about.value?.retention_hours;
  return (
    <footer class="foot small muted">
      <p>{t("foot.limits")}</p>
      <p>
        {about.value && `verilens ${about.value.version} · `}
        {t("foot.no-requests")}
        {hours ? ` ${t("foot.retention", { n: hours })}` : ""}
      </p>
    </footer>
  );
}
