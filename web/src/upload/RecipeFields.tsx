// Tempo, pitch, 8D, mastering and the format of the result.

import { useId } from "react";
import {
  BITRATES,
  type Bitrate,
  CODECS,
  type Codec,
  PATHS,
  PRESETS,
  type Path,
  type Preset,
  RANGES,
  RATED,
  type Range,
  type Settings,
  semitones,
} from "./recipe";

interface Props {
  settings: Settings;
  onChange: (settings: Settings) => void;
}

export function RecipeFields({ settings, onChange }: Props) {
  const set = (change: Partial<Settings>) => {
    onChange({ ...settings, ...change });
  };
  return (
    <>
      <Slider
        label="Tempo"
        value={settings.tempo}
        shown={`${settings.tempo.toFixed(2)} ×`}
        range={RANGES.tempo}
        onChange={(tempo) => { set({ tempo }); }}
      />
      <Slider
        label="Pitch"
        value={settings.semitones}
        shown={semitones(settings.semitones)}
        range={RANGES.semitones}
        onChange={(value) => { set({ semitones: value }); }}
      />
      <fieldset className="spatial">
        <label className="switch">
          <input
            type="checkbox"
            role="switch"
            checked={settings.spatial}
            onChange={({ target }) => { set({ spatial: target.checked }); }}
          />
          8D: the sound moves around you, for headphones
        </label>
        {settings.spatial && (
          <div className="nested">
            <Slider
              label="Speed"
              value={settings.speed_hz}
              shown={`a turn in ${(1 / settings.speed_hz).toFixed(1)} s`}
              range={RANGES.speed_hz}
              onChange={(speed_hz) => { set({ speed_hz }); }}
            />
            <Part label="Depth" range={RANGES.depth} value={settings.depth} onChange={(depth) => { set({ depth }); }} />
            <Part label="Room" range={RANGES.room} value={settings.room} onChange={(room) => { set({ room }); }} />
            <Part label="Mix" range={RANGES.mix} value={settings.mix} onChange={(mix) => { set({ mix }); }} />
            <label className="field">
              Way
              <select value={settings.path} onChange={({ target }) => { set({ path: target.value as Path }); }}>
                {Object.entries(PATHS).map(([path, says]) => (
                  <option key={path} value={path}>{says}</option>
                ))}
              </select>
            </label>
            <label className="switch">
              <input
                type="checkbox"
                role="switch"
                checked={settings.listening === "headphones"}
                onChange={({ target }) => { set({ listening: target.checked ? "headphones" : "anywhere" }); }}
              />
              As a head hears it, for headphones only
            </label>
            <label className="field">
              Path: the same number, the same way around you
              <input
                type="number"
                {...RANGES.seed}
                required
                value={settings.seed}
                onChange={({ target }) => { set({ seed: target.valueAsNumber || 0 }); }}
              />
            </label>
          </div>
        )}
      </fieldset>
      <label className="field">
        Master
        <select value={settings.master} onChange={({ target }) => { set({ master: target.value as Preset | "" }); }}>
          <option value="">As it is</option>
          {Object.entries(PRESETS).map(([preset, says]) => (
            <option key={preset} value={preset}>{says}</option>
          ))}
        </select>
      </label>
      <div className="pair">
        <label className="field">
          Format
          <select value={settings.codec} onChange={({ target }) => { set({ codec: target.value as Codec }); }}>
            {Object.entries(CODECS).map(([codec, says]) => (
              <option key={codec} value={codec}>{says}</option>
            ))}
          </select>
        </label>
        {RATED.includes(settings.codec) && (
          <label className="field">
            Bit rate
            <select
              value={settings.bitrate_kbps}
              onChange={({ target }) => { set({ bitrate_kbps: Number(target.value) as Bitrate }); }}
            >
              {BITRATES.map((rate) => (
                <option key={rate} value={rate}>{rate} kbit/s</option>
              ))}
            </select>
          </label>
        )}
      </div>
    </>
  );
}

interface SliderProps {
  label: string;
  value: number;
  shown: string;
  range: Range;
  onChange: (value: number) => void;
}

function Slider({ label, value, shown, range, onChange }: SliderProps) {
  const id = useId();
  return (
    <div className="slider">
      <label htmlFor={id}>{label}</label>
      <output htmlFor={id} className="figure">{shown}</output>
      <input
        id={id}
        type="range"
        aria-valuetext={shown}
        {...range}
        value={value}
        onChange={({ target }) => { onChange(target.valueAsNumber); }}
      />
    </div>
  );
}

/** Nothing to all of it. */
function Part(part: Omit<SliderProps, "shown">) {
  return <Slider {...part} shown={`${Math.round(part.value * 100)} %`} />;
}
