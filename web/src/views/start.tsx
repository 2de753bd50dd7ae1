/** Where files come in: dropped, pasted, picked or by address; and what is being sent. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { ApiError, jobs as fetchJobs, UNREACHABLE } from "../api/client";
import type { Problem } from "../api/types";
import { date, size, visible } from "../format";
import { announce, Heading, Line, Progress } from "../parts/basic";
import { useLoaded } from "../parts/hooks";
import { JobTable } from "../parts/jobs";
import { kindOf, ProblemNote, sentenceOf } from "../parts/problem";
import { address, fromDrop, fromList } from "../state/picked";
import { add, addUrl, again, clear, queue, stop, type Picked, type Sending } from "../state/queue";
import { key } from "../state/key";
import { go, to } from "../state/route";
import { about, may } from "../state/server";
import { named, plural, t } from "../words";

/** Send what was picked; one file leads to its verdict, several to their table. */
async function take(picked: Picked[]): Promise<void> {
  if (!picked.length) return;
  announce(plural("start.taken", picked.length));
  const { keys, batch } = await add(picked);
  if (batch) go(to.batch(batch));
  else if (keys.length === 1) leadsTo.value = keys[0]!;
}

const leadsTo = { value: 0 };

export function StartView() {
  const problem = useSignal<Problem | null>(null);
  const submitUrl = async (url: string) => {
    problem.value = null;
    try {
      go(to.job((await addUrl(url)).id));
    } catch (error) {
      problem.value = error instanceof ApiError ? error.problem : UNREACHABLE;
    }
  };
  useEffect(() => {
    const onPaste = (event: ClipboardEvent) => {
      const data = event.clipboardData;
      if (!data || (event.target as Element).closest?.("input, textarea")) return;
      if (data.files.length) {
        event.preventDefault();
        void take(fromList(data.files));
      } else {
        const url = address(data.getData("text/plain"));
        if (url) void submitUrl(url);
      }
    };
    addEventListener("paste", onPaste);
    return () => removeEventListener("paste", onPaste);
  }, []);
  const sent = queue.value.find((one) => one.key === leadsTo.value && one.phase === "sent");
  useEffect(() => {
    if (!sent?.job) return;
    leadsTo.value = 0;
    go(to.job(sent.job.id));
  }, [sent?.job?.id]);
  return (
    <div class="start">
      <Heading title={t("nav.check")}>{t("start.title")}</Heading>
      <p class="lead">{t("start.lead")}</p>
      <SendingList />
      {may("submit") ? <DropZone onUrl={submitUrl} /> : <p class="notice">{t("start.may-not")}</p>}
      {problem.value && <ProblemNote problem={problem.value} />}
      {about.value && (!about.value.auth || key.value) && <Recent />}
    </div>
  );
}

function DropZone({ onUrl }: { onUrl: (url: string) => Promise<void> }) {
  const isOver = useSignal(false);
  const files = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  const depth = useRef(0);
  useEffect(() => folder.current?.setAttribute("webkitdirectory", ""), []);
  useEffect(() => {
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.some((type) => type === "Files" || type === "text/uri-list");
    const enter = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      depth.current += 1;
      isOver.value = true;
    };
    const leave = () => {
      depth.current = Math.max(0, depth.current - 1);
      if (!depth.current) isOver.value = false;
    };
    const over = (event: DragEvent) => hasFiles(event) && event.preventDefault();
    const drop = (event: DragEvent) => {
      depth.current = 0;
      isOver.value = false;
      const data = event.dataTransfer;
      if (!data || !hasFiles(event)) return;
      event.preventDefault();
      const url = data.files.length ? null : address(data.getData("text/uri-list"));
      if (url) void onUrl(url);
      else void fromDrop(data).then(take);
    };
    const pairs = [["dragenter", enter], ["dragleave", leave], ["dragover", over], ["drop", drop]] as const;
    pairs.forEach(([name, act]) => document.addEventListener(name, act as EventListener));
    return () => pairs.forEach(([name, act]) => document.removeEventListener(name, act as EventListener));
  }, []);
  const picked = (event: Event) => {
    const input = event.currentTarget as HTMLInputElement;
    const list = fromList(input.files ?? []);
    input.value = "";
    void take(list);
  };
  const limit = about.value?.limits.bytes;
  return (
    <section class={`drop${isOver.value ? " over" : ""}`} aria-label={t("start.zone")}>
      <svg class="drop-mark" viewBox="0 0 96 72" aria-hidden="true">
        <rect class="sheet back" x="26" y="6" width="56" height="44" rx="3" />
        <rect class="sheet" x="12" y="16" width="60" height="48" rx="3" />
        <path class="hill" d="M12 56l16-17 13 12 9-8 22 19v-1a3 3 0 0 1-3 3H15a3 3 0 0 1-3-3z" />
        <circle class="sun" cx="55" cy="29" r="5" />
      </svg>
      <p class="drop-title">{isOver.value ? t("start.let-go") : t("start.drop")}</p>
      <p class="muted">{t("start.paste")}</p>
      <div class="row">
        <button type="button" class="primary" onClick={() => files.current?.click()}>{t("start.files")}</button>
        <button type="button" onClick={() => folder.current?.click()}>{t("start.folder")}</button>
        <input ref={files} hidden type="file" multiple data-pick="files" onChange={picked} />
        <input ref={folder} hidden type="file" multiple data-pick="folder" onChange={picked} />
      </div>
      <UrlForm onUrl={onUrl} />
      {limit && <p class="small muted">{t("start.limit", { size: size(limit) })}</p>}
    </section>
  );
}

function UrlForm({ onUrl }: { onUrl: (url: string) => Promise<void> }) {
  const value = useSignal("");
  const isWrong = useSignal(false);
  const isBusy = useSignal(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    const url = address(value.value);
    isWrong.value = url === null;
    if (!url || isBusy.value) return;
    isBusy.value = true;
    await onUrl(url);
    isBusy.value = false;
  };
  return (
    <form class="link-form" onSubmit={(event) => void submit(event)} noValidate>
      <label for="link">{t("start.link")}</label>
      <div class="row">
        <input
          id="link" type="url" inputMode="url" placeholder="https://" autocomplete="off" spellcheck={false} value={value.value}
          aria-invalid={isWrong.value} aria-describedby={isWrong.value ? "link-wrong" : undefined}
          onInput={(event) => (value.value = event.currentTarget.value)}
        />
        <button type="submit" aria-busy={isBusy.value}>{t("start.check")}</button>
      </div>
      {isWrong.value && <p id="link-wrong" class="wrong" role="alert">{t("start.link-wrong")}</p>}
    </form>
  );
}

export function SendingList({ batch }: { batch?: string }) {
  const items = queue.value.filter((one) => (batch === undefined ? one.batch === null || one.phase !== "sent" : one.batch === batch));
  const shown = items.filter((one) => one.phase !== "sent");
  if (!shown.length) return null;
  const isIdle = shown.every((one) => one.phase === "refused" || one.phase === "stopped");
  return (
    <section class="sending" aria-labelledby="sending-title">
      <h2 id="sending-title">{t("sending.title")}</h2>
      <ul>{shown.slice(0, 50).map((one) => <Item key={one.key} one={one} />)}</ul>
      {shown.length > 50 && <p class="small muted">{t("sending.more", { n: shown.length - 50 })}</p>}
      {isIdle && <button type="button" onClick={clear}>{t("sending.clear")}</button>}
    </section>
  );
}

function Item({ one }: { one: Sending }) {
  const share = one.phase === "sending" && one.begun ? one.sent / Math.max(1, one.size) : null;
  const isActive = one.phase === "sending" || one.phase === "waiting";
  return (
    <li class={`sending-item ${one.phase}`}>
      <div class="sending-head">
        <span class="name">{visible(one.name)}</span>
        <span class="small muted">{share === null ? size(one.size) : t("sending.of", { sent: size(one.sent), size: size(one.size) })}</span>
        {(isActive || one.phase === "lost") && (
          <button type="button" class="icon quiet" aria-label={t("sending.stop", { name: one.name })} onClick={() => void stop(one.key)}><Line name="close" /></button>
        )}
      </div>
      {one.phase === "sending" && <Progress share={share} label={t("sending.label", { name: one.name })} />}
      {one.phase === "waiting" && <p class="small muted">{t("sending.waiting")}</p>}
      {one.phase === "stopped" && <p class="small muted">{t("sending.stopped")}</p>}
      {one.phase === "lost" && <p class="small">{t("sending.lost")}</p>}
      {one.phase === "refused" && one.problem && (
        <div class="small refused" role="alert">
          <p><b>{sentenceOf(one.problem)}</b> {named("way", kindOf(one.problem))}</p>
          {one.file && one.size > 0 && <button type="button" onClick={() => again(one.key)}>{t("action.again")}</button>}
        </div>
      )}
    </li>
  );
}

function Recent() {
  const query = new URLSearchParams({ limit: "5", sort: "-created" });
  const done = queue.value.filter((one) => one.phase === "sent").length;
  const { data } = useLoaded(() => fetchJobs(query), `recent ${done}`);
  if (!data?.items.length) return null;
  return (
    <section class="recent" aria-labelledby="recent-title">
      <h2 id="recent-title">{t("recent.title")}</h2>
      <JobTable jobs={data.items} label={t("recent.title")} when={(job) => date(job.created)} />
      {data.total > data.items.length && <p><a href={to.history()}>{t("recent.all", { n: data.total })}</a></p>}
    </section>
  );
}
