package detect

import (
	"bytes"
	"slices"

	"github.com/auditship/auditship/agent/mask/chars"
)

// webhooks are the addresses whose rest is the secret: who knows it may post.
var webhooks = []string{
	"hooks.slack.com/services/", "hooks.slack.com/workflows/", "hooks.slack.com/triggers/",
	"hooks.slack-gov.com/services/", "hooks.slack-gov.com/workflows/", "hooks.slack-gov.com/triggers/",
	"open.feishu.cn/open-apis/bot/v2/hook/", "open.feishu.cn/open-apis/bot/hook/",
	"open.larksuite.com/open-apis/bot/v2/hook/", "open.larksuite.com/open-apis/bot/hook/",
	"feishu.cn/flow/api/trigger-webhook/", "larksuite.com/flow/api/trigger-webhook/",
	"qyapi.weixin.qq.com/cgi-bin/webhook/send?key=", "qyapi.weixin.qq.com/cgi-bin/webhook/upload_media?key=",
	"oapi.dingtalk.com/robot/send?access_token=", "api.dingtalk.com/robot/send?access_token=",
	"webhook.office.com/webhookb2/", "outlook.office.com/webhook/", "outlook.office365.com/webhook/",
	"discord.com/api/webhooks/", "discordapp.com/api/webhooks/", "discord.com/api/v10/webhooks/", "discord.com/api/v9/webhooks/",
	"api.telegram.org/bot", "api.telegram.org/file/bot",
	"hooks.zapier.com/hooks/catch/", "hooks.zapier.com/hooks/standard/",
	"events.pagerduty.com/integration/", "events.eu.pagerduty.com/integration/", "events.pagerduty.com/x-ere/", "alert.victorops.com/integrations/generic/",
	"maker.ifttt.com/use/", "hook.integromat.com/", "hook.eu1.make.com/", "hook.us1.make.com/", "hook.make.com/",
	"hc-ping.com/", "api.day.app/", "sctapi.ftqq.com/", "sc.ftqq.com/", "webhook.site/", "ntfy.sh/",
	"api.opsgenie.com/v1/json/", "logs-01.loggly.com/inputs/", "logs-01.loggly.com/bulk/", "http-inputs.loggly.com/", "collectors.sumologic.com/receiver/v1/http/",
	"/with/key/", "chat.googleapis.com/v1/spaces/", "webexapis.com/v1/webhooks/incoming/", "pipedream.net/", "outgoing.ifttt.com/", "api.flock.com/hooks/sendMessage/",
}

// findWebhook finds what makes the address of a webhook secret.
func findWebhook(dst []Span, text []byte, _ bool) []Span {
	for _, address := range webhooks {
		for from := 0; ; {
			at := bytes.Index(text[from:], []byte(address))
			if at < 0 {
				break
			}
			start := from + at + len(address)
			from = start
			for from < len(text) && !endsURL[text[from]] && text[from] != ',' && text[from] != ')' && text[from] != '|' {
				from++
			}
			if from-start >= 8 {
				dst = append(dst, Span{start, from})
			}
		}
	}
	return dst
}

// links are the parts of addresses behind which a part follows that lets its owner
// in once.
var links = []string{
	"/reset-password/", "/reset_password/", "/password-reset/", "/password_reset/", "/passwordreset/", "/resetpassword/", "/reset/",
	"/forgot-password/", "/forgot_password/", "/recover/", "/recovery/", "/set-password/", "/set_password/",
	"/invite/", "/invites/", "/invitation/", "/invitations/", "/join/", "/accept-invite/", "/accept/", "/signup/", "/register/",
	"/magic/", "/magic-link/", "/magic_link/", "/magiclink/", "/login-link/", "/sso/", "/passwordless/", "/one-time/", "/otp/",
	"/verify/", "/verify-email/", "/verify_email/", "/verification/", "/email-verify/", "/confirm/", "/confirmation/", "/confirm-email/",
	"/activate/", "/activation/", "/unlock/", "/share/", "/shared/", "/unsubscribe/",
}

// findLink finds the secret part of links to reset a password, to accept an
// invitation and the like.
func findLink(dst []Span, text []byte, _ bool) []Span {
	for _, link := range links {
		for from := 0; ; {
			at := bytes.Index(text[from:], []byte(link))
			if at < 0 {
				break
			}
			start := from + at + len(link)
			from = segment.Run(text, start)
			if isMade(text[start:from]) {
				dst = append(dst, Span{start, from})
			}
			from = max(start, from-1) // the slash behind may open the next one
		}
	}
	return dst
}

// segment are the characters of one part of a path.
var segment = chars.Alnum("-._~=%+")

// isMade says whether a part of a path was made by a machine and is no id: long,
// of letters and digits, without the shape of a UUID.
func isMade(part []byte) bool {
	const least = 16
	if len(part) < least || !slices.ContainsFunc(part, chars.IsDigit) || isUUID(part) {
		return false
	}
	letters := 0
	for _, c := range part {
		if chars.IsAlnum(c) && !chars.IsDigit(c) {
			letters++
		}
	}
	// words with dashes between are a name
	return letters >= 4 && longestRun(part) >= 12
}

// longestRun is the longest stretch of letters and digits.
func longestRun(part []byte) (longest int) {
	for i := 0; i < len(part); {
		end := alnum.Run(part, i)
		longest = max(longest, end-i)
		i = end + 1
	}
	return longest
}

func isUUID(part []byte) bool {
	return len(part) == 36 && part[8] == '-' && part[13] == '-' && part[18] == '-' && part[23] == '-' && dashedhex.All(part)
}

// findURLPart finds the parts of the path of a URL that look made. It is for
// fields whose addresses are secret, since ordinary addresses hold ids.
func findURLPart(dst []Span, text []byte, _ bool) []Span {
	for from := 0; ; {
		at := bytes.Index(text[from:], []byte("://"))
		if at < 0 {
			return dst
		}
		i := from + at + 3
		for i < len(text) && !endsURL[text[i]] && text[i] != '?' && text[i] != '#' {
			end := segment.Run(text, i)
			if text[i-1] == '/' && i > from+at+3 && (isMade(text[i:end]) || isUUID(text[i:end])) {
				dst = append(dst, Span{i, end})
			}
			i = end + 1
		}
		from = min(i, len(text))
	}
}

// findKeyScheme finds the credentials after the words ApiKey and Token, as they
// stand in a header.
func findKeyScheme(dst []Span, text []byte, torn bool) []Span {
	good := func(cred []byte, last bool) bool {
		return last && torn && len(cred) > 8 || len(cred) >= 20 && slices.ContainsFunc(cred, chars.IsDigit)
	}
	dst = findScheme(dst, text, "apikey", good)
	return findScheme(dst, text, "token", good)
}
