package source

import (
	"bytes"
	"testing"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// written are texts as people keep them in files, and the encodings that these are in.
var written = []struct {
	text      string
	encodings []string
}{
	{"# 見出し\n\nサーバーの再起動手順を説明します。データベースを停止してから実行してください。\n", []string{"Shift_JIS", "EUC-JP", "ISO-2022-JP"}},
	{"// 設定を読む\nint main(void) { return 0; } /* 戻り値 */\n", []string{"Shift_JIS", "EUC-JP"}},
	{"# 标题\n\n服务器重新启动的步骤如下。请先停止数据库然后再执行操作。\n", []string{"GB18030"}},
	{"// 读取配置\nint main(void) { return 0; } /* 返回值 */\n", []string{"GB18030"}},
	{"# 標題\n\n伺服器重新啟動的步驟如下。請先停止資料庫然後再執行操作。\n", []string{"Big5"}},
	{"데이터베이스 서버를 다시 시작하는 절차를 설명합니다.\n", []string{"EUC-KR"}},
	{"Сервер базы данных перезапускается каждую ночь в три часа.\n", []string{"windows-1251", "KOI8-R", "IBM866"}},
	{"// Читает настройки\nint main(void) { return 0; }\n", []string{"windows-1251", "KOI8-R"}},
	{"Die Größe der Schlüssel beträgt fünf Bytes. Äpfel, Öl, Übermut.\n", []string{"ISO-8859-1"}},
	{"/* Gibt die Größe zurück */\nint size(void) { return 3; }\n", []string{"ISO-8859-1"}},
	{"Le serveur redémarre à l’aube « après » la sauvegarde, où ça coûte 5 €.\n", []string{"windows-1252"}},
	{"¿Cómo reiniciar el servidor? La contraseña está en la configuración. ¡Adiós!\n", []string{"ISO-8859-1"}},
	{"Serwer bazy danych uruchamia się ponownie każdej nocy, żeby załadować więcej.\n", []string{"windows-1250", "ISO-8859-2"}},
	{"Ο διακομιστής της βάσης δεδομένων επανεκκινείται κάθε νύχτα.\n", []string{"windows-1253"}},
	{"שרת מסד הנתונים מופעל מחדש בכל לילה בשעה שלוש.\n", []string{"windows-1255"}},
	{"เซิร์ฟเวอร์ฐานข้อมูลจะเริ่มใหม่ทุกคืน\n", []string{"windows-874"}},
	{"يعاد تشغيل خادم قاعدة البيانات كل ليلة في الساعة الثالثة.\n", []string{"windows-1256"}},
	{"Større filer læses på én gang, når serveren kører.\n", []string{"ISO-8859-1"}},
	{"Il server è così lento perché la città è già più affollata.\n", []string{"ISO-8859-1"}},
	{"# Maintainer: José Núñez\nall: build\n", []string{"ISO-8859-1"}},
	{"Databázový server se každou noc restartuje, protože běží příliš dlouho.\n", []string{"windows-1250"}},
	{"Sunucu her gece yeniden başlatılır, çünkü bellek sızıntısı vardır.\n", []string{"windows-1254"}},
}

func TestEncodingsAreGuessed(t *testing.T) {
	for _, w := range written {
		for _, name := range w.encodings {
			e, err := htmlindex.Get(name)
			must(t, err)
			raw, err := e.NewEncoder().Bytes([]byte(w.text))
			must(t, err)
			for _, in := range [][]byte{raw, append(bytes.Repeat([]byte("x = 1; // plain ASCII before it\n"), 100), raw...), bytes.Repeat(raw, 900)} {
				if got, ok := Decode(in); !ok || !bytes.Contains([]byte(got), []byte(w.text)) {
					t.Errorf("%s, %d bytes: got %.60q, want %q", name, len(in), got[max(0, len(got)-len(w.text)):], w.text)
				}
			}
		}
	}
}

func TestEncodingsWithoutMark(t *testing.T) {
	const text = "A page about ferrets, größer.\r\nSecond line.\n"
	for name, e := range map[string]encoding.Encoding{
		"UTF-16LE": unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), "UTF-16BE": unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM),
		"UTF-32LE": utf32.UTF32(utf32.LittleEndian, utf32.UseBOM), "UTF-32BE": utf32.UTF32(utf32.BigEndian, utf32.UseBOM),
	} {
		raw, err := e.NewEncoder().Bytes([]byte(text))
		must(t, err)
		if got, ok := Decode(raw); !ok || got != text {
			t.Errorf("%s: got %q, %v", name, got, ok)
		}
	}
	for name, raw := range map[string]string{"numbers of 16 bits": "\x01\x00\x02\x00\x03\x00\x04\x00", "numbers of 32 bits": "a\x00\x00\x00b\x00\x00\x00"} {
		if got, ok := Decode([]byte(raw)); ok {
			t.Errorf("%s: decoded to %q", name, got)
		}
	}
}

// A file that names its encoding is taken at its word, where its bytes do not belie it.
func TestEncodingsAreDeclared(t *testing.T) {
	for raw, want := range map[string]string{
		"# -*- coding: iso-8859-15 -*-\nprice = '3 \xa4'\n":                             "# -*- coding: iso-8859-15 -*-\nprice = '3 €'\n",
		"# -*- coding: latin-1 -*-\nname = '\xc0\xc1'\n":                                "# -*- coding: latin-1 -*-\nname = 'ÀÁ'\n",
		"<?xml version='1.0' encoding='windows-1251'?><a>\xcf\xf0</a>":                  "<?xml version='1.0' encoding='windows-1251'?><a>Пр</a>",
		"<meta charset=\"utf-8\"><p>caf\xe9, d\xe9j\xe0</p>":                            "<meta charset=\"utf-8\"><p>café, déjà</p>",
		"<meta http-equiv=Content-Type content='text/html; charset=shift_jis'>\x82\xa0": "<meta http-equiv=Content-Type content='text/html; charset=shift_jis'>あ",
		"encoding: nonsense\ncaf\xe9\n":                                                 "encoding: nonsense\ncafé\n",
	} {
		if got, ok := Decode([]byte(raw)); !ok || got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
