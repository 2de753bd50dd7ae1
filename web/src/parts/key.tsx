/** The API key: asked for where the server needs one. */
import { useState } from "preact/hooks";
import { askKey, isKept, keepKey, key } from "../state/key";
import { greet } from "../state/server";
import { t } from "../words";
import { Dialog } from "./basic";

export function KeyDialog() {
  const [value, setValue] = useState(key.value ?? "");
  const [keep, setKeep] = useState(isKept());
  const close = () => (askKey.value = false);
  const submit = (event: Event) => {
    event.preventDefault();
    keepKey(value.trim() || null, keep);
    close();
    void greet();
  };
  return (
    <Dialog title={t("key.title")} onClose={close}>
      <form onSubmit={submit}>
        <p>{t("key.why")}</p>
        <label class="field">
          <span>{t("key.label")}</span>
          <input
            type="password" autocomplete="off" spellcheck={false} value={value} placeholder="vl_…"
            onInput={(event) => setValue(event.currentTarget.value)}
          />
        </label>
        <label class="tick">
          <input type="checkbox" checked={keep} onChange={(event) => setKeep(event.currentTarget.checked)} />
          {t("key.keep")}
        </label>
        <p class="small muted">{t("key.note")}</p>
        <div class="row">
          <button type="submit" class="primary">{t("key.use")}</button>
          {key.value && (
            <button type="button" onClick={() => { keepKey(null, false); close(); void greet(); }}>{t("key.forget")}</button>
          )}
          <button type="button" onClick={close}>{t("action.cancel")}</button>
        </div>
      </form>
    </Dialog>
  );
}
