package csvrows

import (
	"strings"
	"unicode"
)

// columnNames are the record's names by what a header may call them, without
// regard to case and to what stands between words: the record's own keys with
// and without those of the objects around them, and the titles of the gateway's
// audit page.
var columnNames = map[string]string{
	"id": "id", "eventtime": "event_time", "time": "event_time",
	"operator": "operator", "operatorid": "operator.id",
	"operatorusername": "operator.username", "username": "operator.username",
	"operatorfirstname": "operator.first_name", "firstname": "operator.first_name",
	"operatorlastname": "operator.last_name", "lastname": "operator.last_name",
	"operatoremail": "operator.email", "email": "operator.email",
	"eventtype": "event_type", "event": "event_type",
	"resourceid": "resource_id", "resourcename": "resource_name", "resourcetype": "resource_type",
	"ipaddress": "ip_address", "source": "source", "tokenname": "token_name", "errormessage": "error_message",
	"httprequest": "http_request", "httprequestmethod": "http_request.method", "requestmethod": "http_request.method",
	"httprequesturi": "http_request.uri", "requesturi": "http_request.uri",
	"httprequestuseragent": "http_request.user_agent", "requestuseragent": "http_request.user_agent", "useragent": "http_request.user_agent",
	"httprequestheaders": "http_request.headers", "requestheaders": "http_request.headers",
	"httprequestbody": "http_request.body", "requestbody": "http_request.body",
	"httpresponse": "http_response", "httpresponsestatuscode": "http_response.status_code",
	"responsestatuscode": "http_response.status_code", "statuscode": "http_response.status_code",
	"httpresponsebody": "http_response.body", "responsebody": "http_response.body",
	"gatewaygroup": "gateway_group", "gatewaygroupid": "gateway_group_id",

	"时间": "event_time", "時間": "event_time", "操作时间": "event_time",
	"操作者": "operator", "操作人": "operator", "操作员": "operator", "用户名": "operator.username", "邮箱": "operator.email",
	"事件": "event_type", "事件类型": "event_type", "事件類型": "event_type",
	"资源id": "resource_id", "資源id": "resource_id", "资源名称": "resource_name", "資源名稱": "resource_name",
	"资源类型": "resource_type", "資源類型": "resource_type",
	"ip地址": "ip_address", "ip位址": "ip_address", "来源": "source", "來源": "source", "令牌名称": "token_name", "错误信息": "error_message",
	"请求方法": "http_request.method", "请求路径": "http_request.uri", "状态码": "http_response.status_code", "网关组": "gateway_group",
}

// knownName is the record's name for a header, "" for one that is not known.
func knownName(header string) string {
	return columnNames[strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, header)]
}

// isObject says that the record's name is one of its objects.
func isObject(name string) bool {
	return name == "operator" || name == "http_request" || name == "http_response" || name == "gateway_group"
}
