package localstack

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
)

// Role is what a user may do. Every user is a rider; the others are groups of the pool.
type Role string

// The roles of the HTTP contract.
const (
	Rider    Role = "rider"
	Dispatch Role = "dispatch"
	Ops      Role = "ops"
)

// Roles lists all roles.
func Roles() []Role { return []Role{Rider, Dispatch, Ops} }

// SeededUser returns the name of the user that every local stack has for the role.
func (r Role) SeededUser() string { return string(r) + "-1" }

// localPassword is every local user's. The pool lives and dies with the emulator.
const localPassword = "Hailstone-local-0"

// Token returns an access token of the user with exactly this role, creating the
// user if need be.
func (c Cloud) Token(ctx context.Context, e Endpoints, user string, role Role) (string, error) {
	return c.signIn(ctx, e, user, localPassword, role)
}

// Guest makes a user with exactly this role, whose password nobody keeps, and returns an
// access token of theirs. leave deletes the user, also one that was made by half; the token stays
// valid until it expires. It works on any stack with a user pool, in AWS too.
func (c Cloud) Guest(ctx context.Context, e Endpoints, role Role) (token string, leave func(context.Context) error, err error) {
	user := "guest-" + strings.ToLower(rand.Text())
	leave = func(ctx context.Context) error {
		_, err := c.Users.AdminDeleteUser(ctx, &cognitoidentityprovider.AdminDeleteUserInput{UserPoolId: &e.UserPoolID, Username: &user})
		if gone := (*types.UserNotFoundException)(nil); err != nil && !errors.As(err, &gone) {
			return fmt.Errorf("delete user %s: %w", user, err)
		}
		return nil
	}
	token, err = c.signIn(ctx, e, user, "Aa0-"+rand.Text(), role)
	return token, leave, err
}

func (c Cloud) signIn(ctx context.Context, e Endpoints, user, password string, role Role) (string, error) {
	if err := c.ensureUser(ctx, e.UserPoolID, user, password); err != nil {
		return "", fmt.Errorf("create user %s: %w", user, err)
	}
	if err := c.setRole(ctx, e.UserPoolID, user, role); err != nil {
		return "", fmt.Errorf("give %s the role %s: %w", user, role, err)
	}
	out, err := c.Users.AdminInitiateAuth(ctx, &cognitoidentityprovider.AdminInitiateAuthInput{
		UserPoolId:     &e.UserPoolID,
		ClientId:       &e.UserPoolClientID,
		AuthFlow:       types.AuthFlowTypeAdminUserPasswordAuth,
		AuthParameters: map[string]string{"USERNAME": user, "PASSWORD": password},
	})
	if err != nil {
		return "", fmt.Errorf("sign in %s: %w", user, err)
	}
	if out.AuthenticationResult == nil || out.AuthenticationResult.AccessToken == nil {
		return "", fmt.Errorf("sign in %s: the user pool asks for %q instead of giving a token", user, out.ChallengeName)
	}
	return *out.AuthenticationResult.AccessToken, nil
}

func (c Cloud) ensureUser(ctx context.Context, pool, user, password string) error {
	_, err := c.Users.AdminCreateUser(ctx, &cognitoidentityprovider.AdminCreateUserInput{
		UserPoolId: &pool, Username: &user, MessageAction: types.MessageActionTypeSuppress,
		TemporaryPassword: aws.String(password), // the emulator's own choice breaks the pool's policy
	})
	if exists := (*types.UsernameExistsException)(nil); err != nil && !errors.As(err, &exists) {
		return err
	}
	_, err = c.Users.AdminSetUserPassword(ctx, &cognitoidentityprovider.AdminSetUserPasswordInput{
		UserPoolId: &pool, Username: &user, Password: aws.String(password), Permanent: true,
	})
	return err
}

// setRole puts the user into the group of the role and takes it out of all others.
func (c Cloud) setRole(ctx context.Context, pool, user string, role Role) error {
	out, err := c.Users.AdminListGroupsForUser(ctx, &cognitoidentityprovider.AdminListGroupsForUserInput{
		UserPoolId: &pool, Username: &user,
	})
	if err != nil {
		return err
	}
	member := role == Rider // which is no group
	for _, group := range out.Groups {
		if aws.ToString(group.GroupName) == string(role) {
			member = true
			continue
		}
		if _, err := c.Users.AdminRemoveUserFromGroup(ctx, &cognitoidentityprovider.AdminRemoveUserFromGroupInput{
			UserPoolId: &pool, Username: &user, GroupName: group.GroupName,
		}); err != nil {
			return err
		}
	}
	if member {
		return nil
	}
	_, err = c.Users.AdminAddUserToGroup(ctx, &cognitoidentityprovider.AdminAddUserToGroupInput{
		UserPoolId: &pool, Username: &user, GroupName: aws.String(string(role)),
	})
	return err
}
